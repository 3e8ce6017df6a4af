//! What the tests of both resource types share: one judgement from a written value.

use crate::values::put;
use terrane_core::{InstanceAddr, Value};
use terrane_provider::complete::complete;
use terrane_provider::{
    Access, FactKey, Facts, Fault, Parent, ProviderName, RefineInput, RefineOutcome, Refined, ResourceType,
};

/// A remote side that knows the account.
struct Account(Result<Value, Fault>);

impl Facts for Account {
    fn get(&self, key: &FactKey) -> Option<&Result<Value, Fault>> {
        (&*key.name == "caller-account").then_some(&self.0)
    }
}

/// What a judgement is made from.
#[derive(Default)]
pub struct Case<'a> {
    pub prior: Option<&'a Value>,
    pub configuration: Option<Value>,
    pub parent: Option<Parent<'a>>,
}

/// An object with these leaves.
pub fn object(leaves: &[(&str, Value)]) -> Value {
    leaves.iter().fold(Value::NULL, |value, (path, leaf)| put(&value, path, leaf.clone()))
}

/// A set of texts.
pub fn set(items: &[&str]) -> Value {
    Value::set(items.iter().map(|item| Value::string(*item)).collect())
}

/// The judgement of a type over what is written.
pub fn judge(kind: &dyn ResourceType, written: &Value, case: Case<'_>) -> RefineOutcome {
    let schema = kind.schema();
    let instance: InstanceAddr = format!("{}.a", schema.type_name).parse().expect("an address");
    let access = Access { region: "eu-west-1".into(), ..Access::of(ProviderName { name: "eks".into(), alias: None }) };
    let proposed = complete(&schema.body, written, case.prior, &instance);
    kind.refine(&RefineInput {
        instance: &instance,
        access: &access,
        configuration: &case.configuration.unwrap_or(Value::NULL),
        prior: case.prior,
        written,
        proposed: &proposed,
        parent: case.parent,
        facts: &Account(Ok(Value::string("111122223333"))),
    })
}

/// The rules that refuse, or nothing.
pub fn rules(outcome: RefineOutcome) -> Vec<String> {
    match outcome {
        RefineOutcome::Refused(refusals) => refusals.iter().map(|refusal| refusal.rule.to_string()).collect(),
        RefineOutcome::Refined(_) | RefineOutcome::Need(_) => Vec::new(),
    }
}

/// What is planned; ends the test where it is not.
pub fn planned(outcome: RefineOutcome) -> Box<Refined> {
    match outcome {
        RefineOutcome::Refined(refined) => refined,
        RefineOutcome::Refused(refusals) => panic!("refused: {refusals:?}"),
        RefineOutcome::Need(keys) => panic!("asks {keys:?}"),
    }
}
