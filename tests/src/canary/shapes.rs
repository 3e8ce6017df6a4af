//! Random configurations that hold secrets: where a secret comes from, what is made of it, and where it is used. Many
//! of them are wrong on purpose, since a message about a wrong value is where values like to show.

use crate::sim::driver::Dice;

/// A configuration with its secrets.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it was made from.
    pub seed: u64,
    /// Files by name; what stands in them is written by the user and no artefact.
    pub files: Vec<(String, String)>,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
    /// Texts that no artefact may hold: the secrets, and the part of each that no escape changes.
    pub secrets: Vec<String>,
    /// Whether it uses EKS, and so the sandbox.
    pub uses_eks: bool,
}

/// Ways to say one secret.
const SOURCES: usize = 7;
/// What is made of a secret before it is used. `@` is the secret.
const MADE_WELL: &[&str] = &[
    "@",
    "@",
    "@",
    "\"${@}-suffix\"",
    "\"user:${@}@host\"",
    "base64encode(@)",
    "jsonencode({ token = @ })",
    "format(\"%s/%s\", \"user\", @)",
    "join(\",\", [\"a\", @])",
    "sensitive(@)",
    "@ == \"\" ? \"none\" : @",
    "trimspace(@)",
    "try(@, \"none\")",
    "coalesce(@, \"none\")",
    "urlencode(@)",
    "element([@], 0)",
    "lookup({ a = @ }, \"a\", \"none\")",
    "[for x in [@] : x][0]",
    "yamlencode({ a = @ })",
    "replace(@, \"zz\", \"yy\")",
];
/// The same, wrong for almost every text: the message has to do without it.
const MADE_WRONG: &[&str] = &[
    "tonumber(@)",
    "parseint(@, 10)",
    "jsondecode(@)",
    "yamldecode(@)",
    "base64decode(@)",
    "regex(\"^never$\", @)",
    "cidrsubnet(@, 4, 1)",
    "formatdate(@, \"2026-01-01T00:00:00Z\")",
    "timeadd(@, \"1h\")",
    "file(@)",
    "templatefile(@, {})",
    "env(@)",
    "exec([@])",
    "exec([\"no-such-program\", @])",
    "{ a = 1 }[@]",
    "[1][@]",
    "@ + 1",
    "-@",
    "!@",
    "@.field",
    "[for x in @ : x]",
    "toset(@)",
    "tobool(@)",
    "one([@, @])",
    "index([\"a\"], @)",
    "strrev(@, @)",
    "merge(@, {})",
    "substr(@, \"x\", 1)",
    "range(@)",
    "csvdecode(@)",
    "cidrhost(\"10.0.0.0/8\", @)",
    "format(@, 1)",
    "can(@) ? error(@) : 1",
];

/// Where an expression is used. `@` is the expression, `#` a number.
const USED_WELL: &[&str] = &[
    "resource \"terrane_data\" \"r#\" {\n  secret = @\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  secret = [file(\"secret.txt\"), @][1]\n}\nresource \"terrane_data\" \"f#\" {\n  secret = file(\"secret.txt\")\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  secret = @\n  input  = \"visible\"\n}\noutput \"o#\" {\n  value     = terrane_data.r#.secret\n  sensitive = true\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  for_each = toset([\"a\", \"b\"])\n  secret   = @\n}\n",
    "output \"o#\" {\n  value     = @\n  sensitive = true\n}\n",
    "locals {\n  l# = { deep = [@] }\n}\nresource \"terrane_data\" \"r#\" {\n  secret = local.l#.deep[0]\n}\n",
    "module \"m#\" {\n  source = \"./m\"\n  given  = @\n}\n",
];
/// The same, where no secret may be, or at the remote side.
const USED_WRONG: &[&str] = &[
    "resource \"terrane_data\" \"r#\" {\n  input = @\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  input = { list = [1, @] }\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  triggers_replace = @\n}\n",
    "output \"o#\" {\n  value = @\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  count = @ == \"x\" ? 1 : 0\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  count = @\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  for_each = { (@) = 1 }\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  for_each = toset([@])\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  input = @ == \"x\" ? 1 : 2\n}\n",
    "variable \"w#\" {\n  default = \"x\"\n  validation {\n    condition     = var.w# == @\n    error_message = \"It is not ${@}\"\n  }\n}\n",
    "variable \"w#\" {\n  type      = number\n  sensitive = true\n}\nresource \"terrane_data\" \"r#\" {\n  secret = var.w#\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  depends_on = [@]\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  unknown_argument = @\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  secret = [@]\n}\n",
    "resource \"terrane_data\" \"r#\" {\n  secret = @\n  lifecycle {\n    prevent_destroy = @\n  }\n}\n",
    "data \"eks_network\" \"n#\" {\n  region = \"eu-west-1\"\n  filter = { \"tag:Name\" = \"platform\" }\n}\nresource \"terrane_data\" \"r#\" {\n  secret = \"${sensitive(data.eks_network.n#.vpc)}${@}\"\n}\n",
    "data \"eks_network\" \"n#\" {\n  region = \"eu-west-1\"\n  filter = { \"tag:Name\" = @ }\n}\n",
    "data \"eks_network\" \"n#\" {\n  region = @\n}\n",
    "provider \"eks\" {\n  alias       = \"p#\"\n  external_id = @\n  role_arn    = \"arn:aws:iam::111122223333:role/x\"\n}\ndata \"eks_network\" \"n#\" {\n  provider = eks.p#\n  region   = \"eu-west-1\"\n}\n",
];

/// A number by chance below `most`.
fn below(dice: &mut Dice, most: usize) -> usize {
    usize::try_from(dice.roll(u64::try_from(most).unwrap_or(1))).unwrap_or_default()
}

fn pick<'t>(dice: &mut Dice, from: &[&'t str]) -> &'t str {
    from.get(below(dice, from.len())).copied().unwrap_or_default()
}

/// So many letters and digits by chance.
fn word(dice: &mut Dice, length: usize) -> String {
    let letters: Vec<char> = ('a'..='z').chain('A'..='Z').chain('0'..='9').collect();
    (0..length).map(|_| letters.get(below(dice, letters.len())).copied().unwrap_or('x')).collect()
}

impl Case {
    /// The case of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9).wrapping_add(1));
        let mut case = Self { seed, files: Vec::new(), environment: Vec::new(), secrets: Vec::new(), uses_eks: false };
        let mut text = String::new();
        let mut sources: Vec<String> = Vec::new();
        for number in 0..SOURCES {
            let core = format!("Canary{}", word(&mut dice, 18));
            // Half of them are of letters alone, which pass where others are refused at once.
            let secret = if below(&mut dice, 2) == 0 {
                core.clone()
            } else {
                format!("{core}\"/+\\&\u{e9} %{}", word(&mut dice, 6))
            };
            let source = case.source(number, &secret, &mut text);
            sources.push(source);
            case.secrets.push(core);
            case.secrets.push(secret);
        }
        case.module(&mut dice);
        // One mistake ends a run early, so half of the cases have none.
        let is_well = below(&mut dice, 2) == 0;
        for number in 0..1 + below(&mut dice, 4) {
            let source = sources.get(below(&mut dice, sources.len())).cloned().unwrap_or_default();
            let is_made_well = is_well || below(&mut dice, 2) == 0;
            let made = pick(&mut dice, if is_made_well { MADE_WELL } else { MADE_WRONG }).replace('@', &source);
            let is_used_well = is_well || below(&mut dice, 2) == 0;
            let used = pick(&mut dice, if is_used_well { USED_WELL } else { USED_WRONG });
            case.uses_eks |= used.contains("eks");
            text.push_str(&used.replace('@', &made).replace('#', &number.to_string()));
        }
        if below(&mut dice, 4) == 0 {
            case.seal(&mut dice, &mut text);
        }
        case.files.push(("main.hcl".to_owned(), text));
        case
    }

    /// Puts a secret in one place; gives the expression that says it.
    fn source(&mut self, number: usize, secret: &str, text: &mut String) -> String {
        let json = serde_json::Value::from(secret).to_string();
        let variable = |ty: &str| format!("variable \"v{number}\" {{\n  type      = {ty}\n  sensitive = true\n}}\n");
        match number {
            0 => {
                self.environment.push((format!("TERRANE_VAR_v{number}"), secret.to_owned()));
                text.push_str(&variable("string"));
                format!("var.v{number}")
            }
            1 => {
                let values = format!("{{ \"v{number}\": {{ \"password\": {json} }} }}\n");
                self.files.push(("given.auto.tfvars.json".to_owned(), values));
                text.push_str(&variable("object({ password = string })"));
                format!("var.v{number}.password")
            }
            2 => {
                self.environment.push(("SECRET_OF_CASE".to_owned(), secret.to_owned()));
                "env(\"SECRET_OF_CASE\")".to_owned()
            }
            3 => {
                // A file is what stands in it, and a secret only in a secret argument or where somebody says so.
                self.files.push(("secret.txt".to_owned(), secret.to_owned()));
                "sensitive(file(\"secret.txt\"))".to_owned()
            }
            4 => {
                self.files.push(("told.txt".to_owned(), secret.to_owned()));
                // What the command was given is kept, to be searched: its environment, its words, those of its parent.
                let probe = "cat /proc/$$/environ /proc/$$/cmdline /proc/$PPID/cmdline > child.seen\ncat told.txt\n";
                self.files.push(("probe.sh".to_owned(), probe.to_owned()));
                "exec([\"sh\", \"probe.sh\"])".to_owned()
            }
            5 => {
                // The text of a configuration is no secret's place; what is marked is kept out all the same.
                self.environment.push((format!("TF_VAR_v{number}"), secret.to_owned()));
                text.push_str(&variable("any"));
                format!("var.v{number}")
            }
            _ => {
                // In the environment and used by nobody.
                self.environment.push(("UNUSED_SECRET".to_owned(), secret.to_owned()));
                "env(\"SECRET_OF_CASE\")".to_owned()
            }
        }
    }

    fn module(&mut self, dice: &mut Dice) {
        let is_marked = below(dice, 2) == 0;
        let marked = if is_marked { "  sensitive = true\n" } else { "" };
        let text = format!(
            "variable \"given\" {{\n{marked}}}\nresource \"terrane_data\" \"inner\" {{\n  secret = var.given\n}}\noutput \"back\" {{\n  value     = var.given\n  sensitive = true\n}}\n"
        );
        self.files.push(("m/main.hcl".to_owned(), text));
    }

    /// State and plan are sealed, and the passphrase is a secret as well.
    fn seal(&mut self, dice: &mut Dice, text: &mut String) {
        let passphrase = format!("Canary{}", word(dice, 24));
        self.secrets.push(passphrase.clone());
        self.environment.push(("SEAL_OF_CASE".to_owned(), passphrase));
        text.push_str(
            "terrane {\n  encryption {\n    key \"passphrase\" {\n      env = \"SEAL_OF_CASE\"\n    }\n  }\n}\n",
        );
    }
}
