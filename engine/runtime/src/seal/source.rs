//! Where the text of a key comes from: a variable of the environment, a file, or a command.

use super::SealError;
use crate::command;
use crate::environment::Environment;
use std::io::Read;
use std::path::Path;
use terrane_core::Text;
use zeroize::Zeroizing;

/// No passphrase is longer.
const LARGEST: u64 = 4_096;

/// Where a key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A variable of the environment.
    Env(Text),
    /// A file; relative to the folder of the configuration.
    File(Text),
    /// What a command writes; its words.
    Exec(Vec<Text>),
}

impl Source {
    /// As people know it. Of a command only the program: its arguments are nobody's business.
    #[must_use]
    pub fn place(&self) -> Text {
        match self {
            Self::Env(name) => format!("env({name})").into(),
            Self::File(path) => format!("file({path})").into(),
            Self::Exec(words) => format!("exec({})", words.first().map_or("", |word| word)).into(),
        }
    }

    /// The text, without the line end that files and commands close with.
    ///
    /// # Errors
    /// [`SealError::KeyUnavailable`].
    pub async fn read(
        &self,
        folder: &Path,
        environment: &Environment,
        timeout_ms: u64,
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let unavailable = |reason: String| SealError::KeyUnavailable { source: self.place(), reason: reason.into() };
        let bytes = match self {
            Self::Env(name) => environment
                .get(name)
                .map(|text| Zeroizing::new(text.as_bytes().to_vec()))
                .ok_or_else(|| unavailable("the environment has no such variable".to_owned()))?,
            Self::File(path) => read_file(&folder.join(&**path)).map_err(unavailable)?,
            Self::Exec(words) => {
                let words: Vec<&str> = words.iter().map(|word| &**word).collect();
                let run = command::Run::new(folder, environment, timeout_ms);
                command::secret(&words, &run).await.map_err(unavailable)?
            }
        };
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match u64::try_from(text.len()) {
            Ok(0) => Err(unavailable("it is empty".to_owned())),
            Ok(length) if length <= LARGEST => Ok(Zeroizing::new(text.to_vec())),
            _ => Err(unavailable(format!("it is longer than {LARGEST} bytes"))),
        }
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(8_192));
    file.take(LARGEST + 3).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}
