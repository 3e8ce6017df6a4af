//! Version constraints: `>= 0.1, < 2`.

/// Whether `version` meets every part of `constraint`.
///
/// # Errors
/// The part that is no constraint.
pub(crate) fn meets(version: &str, constraint: &str) -> Result<bool, String> {
    let actual = numbers(version).ok_or_else(|| version.to_owned())?;
    let mut is_met = true;
    for part in constraint.split(',') {
        let part = part.trim();
        let digits = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
        let (operator, wanted) = part.split_at(digits);
        let wanted = numbers(wanted).ok_or_else(|| part.to_owned())?;
        let order = compare(&actual, &wanted);
        is_met &= match operator.trim() {
            "" | "=" => order.is_eq(),
            "!=" => order.is_ne(),
            ">" => order.is_gt(),
            ">=" => order.is_ge(),
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            "~>" => order.is_ge() && starts_alike(&actual, &wanted),
            _ => return Err(part.to_owned()),
        };
    }
    Ok(is_met)
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    let numbers: Option<Vec<u64>> = text.trim().split('.').map(|part| part.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() <= 3)
}

fn compare(a: &[u64], b: &[u64]) -> std::cmp::Ordering {
    let at = |numbers: &[u64], i: usize| numbers.get(i).copied().unwrap_or(0);
    (0..3).map(|i| at(a, i).cmp(&at(b, i))).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
}

/// All but the last number of `wanted` are the same.
fn starts_alike(actual: &[u64], wanted: &[u64]) -> bool {
    let fixed = wanted.len().saturating_sub(1).max(1);
    actual.iter().zip(wanted).take(fixed).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::meets;

    #[test]
    fn constraints_mean_what_terraform_users_expect() {
        for (constraint, expected) in [
            (">= 0.1", true),
            ("0.1", true),
            ("= 0.1.0", true),
            ("!= 0.1.0", false),
            ("~> 0.1", true),
            ("~> 0.1.0", true),
            ("~> 0.2", false),
            (">= 0.1, < 0.1", false),
            ("> 0.1", false),
            ("< 1", true),
        ] {
            assert_eq!(meets("0.1.0", constraint), Ok(expected), "{constraint}");
        }
        for wrong in ["", "latest", "=> 1", ">= 1.x", "1.2.3.4"] {
            assert!(meets("0.1.0", wrong).is_err(), "{wrong}");
        }
    }
}
