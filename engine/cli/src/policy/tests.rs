//! Policies made by hand, over documents made by hand.

use super::*;

fn policies(text: &str) -> (tempfile::TempDir, Policies) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.rego"), text).unwrap();
    let mut policies = Policies::default();
    policies.add(folder.path().to_str().unwrap()).unwrap();
    (folder, policies)
}

async fn judged(text: &str) -> Result<Vec<Finding>, Failure> {
    let (_folder, policies) = policies(text);
    judge(&policies, String::from(r#"{"resource_changes": [{"address": "a.b", "change": {"actions": ["delete"]}}]}"#))
        .await
}

fn problem(outcome: Result<Vec<Finding>, Failure>) -> (&'static str, String) {
    let failure = outcome.unwrap_err();
    (failure.problems[0].kind.id, failure.problems[0].message())
}

const DENY: &str = r#"package main

deny contains msg if {
    some change in input.resource_changes
    "delete" in change.change.actions
    msg := sprintf("%s is destroyed", [change.address])
}

violation contains {"msg": "too much", "details": {}} if count(input.resource_changes) > 0

warn_age contains "old" if true

allow if true
"#;

// A4
#[tokio::test]
async fn sets_of_texts_and_of_objects_count_by_their_name() {
    let found = judged(DENY).await.unwrap();
    let found: Vec<String> = found.iter().map(|f| format!("{:?} {}: {}", f.weight, f.rule, f.message)).collect();
    let wanted = ["Denies main.deny: a.b is destroyed", "Denies main.violation: too much", "Warns main.warn_age: old"];
    assert_eq!(found, wanted);
}

// A4
#[tokio::test]
async fn a_policy_that_cannot_be_read_names_its_place() {
    let (id, message) = problem(judged("package main\n\ndeny contains msg if {\n    msg := \n}\n").await);
    assert_eq!(id, "policy-invalid");
    assert!(message.contains("line: 4; column: 9"), "{message}");
}

// A4
#[tokio::test]
async fn what_cannot_be_evaluated_is_no_pass() {
    for text in [
        "package main\n\ndeny contains msg if msg := nowhere.at_all(1)\n",
        "package main\n\ndeny := 7\n",
        "package main\n\ndeny contains 7\n",
        "package main\n\ndeny contains {\"text\": \"x\"}\n",
        "package main\n\ndeny contains msg if msg := http.send({\"url\": \"http://127.0.0.1\"})\n",
        "package main\n\ndeny contains msg if msg := opa.runtime().env.HOME\n",
        "package main\n\ndeny contains msg if msg := to_number(\"x\")\n",
    ] {
        assert_eq!(problem(judged(text).await).0, "policy-invalid", "{text}");
    }
}

// A4
#[tokio::test]
async fn an_evaluation_has_a_limit() {
    let texts = [(
        String::from("a.rego"),
        String::from(
            "package main\n\nhuge := numbers.range(1, 3000)\n\ndeny contains msg if {\n    some a in huge\n    some b in huge\n    some c in huge\n    a + b + c < 0\n    msg := \"x\"\n}\n",
        ),
    )];
    let mut engine = Engine::new(&texts, Duration::from_millis(200)).unwrap();
    engine.input("{}").unwrap();
    let rule = engine.rules(&|_, name| name == "deny").remove(0);
    let stop = engine.messages(&rule).unwrap_err();
    assert_eq!(explain(stop, &SourceMap::default()).problems[0].kind.id, "policy-too-slow");
}

// A4
#[tokio::test]
async fn tests_of_policies_pass_or_fail_by_name() {
    let text = format!(
        "{DENY}\ntest_a_destroy_is_denied if {{\n    count(deny) == 1 with input as {{\"resource_changes\": \
         [{{\"address\": \"x\", \"change\": {{\"actions\": [\"delete\"]}}}}]}}\n}}\n\ntest_wrong if count(deny) == 3\n"
    );
    let (_folder, policies) = policies(&text);
    let tested: Vec<(String, bool)> =
        test(&policies).await.unwrap().into_iter().map(|tested| (tested.rule, tested.is_passed)).collect();
    assert_eq!(tested, [("main.test_a_destroy_is_denied".into(), true), ("main.test_wrong".into(), false)]);
}

#[test]
fn a_folder_without_policies_is_no_folder_of_policies() {
    let folder = tempfile::tempdir().unwrap();
    let problem = Policies::default().add(folder.path().to_str().unwrap()).unwrap_err();
    assert_eq!(problem.kind.id, "policy-missing");
}
