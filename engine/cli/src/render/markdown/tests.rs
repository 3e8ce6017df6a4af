//! Plans made by hand, large and hostile.

use super::names::tests::expanded;
use super::*;
use crate::render::plan::tests::{change, object, plan};
use std::collections::BTreeSet;
use terrane_plan::plan::PlanError;

fn text(plan: &Plan) -> String {
    let text = Markdown { plan, registry: &Registry::default(), problems: &[] }.text();
    assert!(text.len() <= LIMIT, "{} bytes", text.len());
    text
}

/// Every name that stands behind a mark of something that is lost.
fn lost(text: &str) -> BTreeSet<String> {
    let names = text.lines().take_while(|line| !line.contains("Details of"));
    let names = names.filter_map(|line| line.strip_prefix("- ").or(line.strip_prefix("-/+ ")));
    names.flat_map(|name| expanded(name.split("  # ").next().unwrap())).collect()
}

// A4: the counts, the riskiest first, and everything folded but the names of what is lost.
#[test]
fn the_riskiest_comes_first() {
    let mut create = change("t.new", Action::Create);
    create.after = object(&[("name", "a")]);
    let mut import = change("t.taken", Action::NoOp);
    import.importing = Some("a/b".into());
    let text = text(&plan(vec![
        create,
        change("eks_node_pool.p", Action::DeleteThenCreate),
        change("t.gone", Action::Delete),
        change("eks_cluster.c", Action::Delete),
        change("t.kept", Action::Update),
        import,
        change("t.left", Action::Forget),
    ]));
    let wanted = [
        MARKER,
        "**Plan: 1 to import, 2 to add, 1 to change, 3 to destroy, 1 to forget.**",
        "<details open><summary>Clusters destroyed or replaced: 1</summary>",
        "\n- eks_cluster.c\n",
        "<details open><summary>Node pools destroyed or replaced: 1</summary>",
        "\n-/+ eks_node_pool.p\n",
        "\n- t.gone\n",
        "<details><summary>Changed in place: 1</summary>",
        "\n! t.kept\n",
        "\n+ t.new\n",
        "\n# t.taken\n",
        "\n# t.left\n",
        "Details of 7 of 7 changes",
    ];
    let places: Vec<Option<usize>> = wanted.iter().map(|part| text.find(part)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}\n{text}");
    assert!(text.starts_with(MARKER) && !text.contains("Not all of it fits"));
}

// A4: a plan of 20,000 changes names every destroy.
#[test]
fn every_destroy_of_twenty_thousand_changes_is_named() {
    let mut changes = Vec::new();
    for cluster in 0..2_000 {
        let addr = format!("module.region[\"{}\"].eks_cluster.fleet[\"shop-{cluster:04}\"]", ["eu", "us"][cluster % 2]);
        changes.push(change(&addr, if cluster % 3 == 0 { Action::Delete } else { Action::Update }));
        for pool in ["general", "gpu", "spot"] {
            let addr = format!("eks_node_pool.fleet[\"shop-{cluster:04}/{pool}\"]");
            let action = [Action::Delete, Action::DeleteThenCreate, Action::Update][(cluster / 7 + pool.len()) % 3];
            changes.push(change(&addr, action));
        }
        for other in 0..6 {
            let addr = format!("terrane_data.note[\"{}-{other}\"]", cluster * 31 % 2_003);
            changes.push(change(&addr, if other < 3 { Action::Create } else { Action::Delete }));
        }
    }
    let plan = plan(changes);
    assert_eq!(plan.changes.len(), 20_000);
    let destroyed = plan.changes.iter().filter(|change| change.action.destroys());
    let destroyed: BTreeSet<String> = destroyed.map(|change| change.addr.to_string()).collect();
    assert!(destroyed.len() > 8_000);
    let text = text(&plan);
    assert_eq!(lost(&text), destroyed);
    assert!(text.contains(&format!("{} to destroy", destroyed.len())));
}

// A4: names without any order do not fit, and that is said to the last one.
#[test]
fn what_does_not_fit_is_counted() {
    let name = |n: u64| {
        let mut seed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0;
        let letters = (0..40).map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'a' + u8::try_from((seed >> 33) % 26).unwrap())
        });
        letters.collect::<String>()
    };
    let plan = plan((0..20_000).map(|n| change(&format!("t.r[\"{}\"]", name(n)), Action::Delete)).collect());
    let text = text(&plan);
    let named = lost(&text);
    let all: BTreeSet<String> = plan.changes.iter().map(|change| change.addr.to_string()).collect();
    assert!(named.len() > 1_000 && named.is_subset(&all), "{}", named.len());
    let count = named.len();
    assert!(
        text.contains(&format!("Other objects destroyed or replaced: 20000, {count} of them named here")),
        "{count}"
    );
    assert!(text.contains(&format!("{} names do not fit", 20_000 - count)) && text.contains("20000 to destroy"));
}

// A4: the limit holds where every part is too long.
#[test]
fn nothing_makes_it_longer_than_the_limit() {
    let long = |n: usize| format!("{}{n}", ["<&", "é😀", "@*"][n % 3].repeat(600));
    let all = [Action::Delete, Action::Update, Action::Create, Action::Forget];
    let mut changes = Vec::new();
    for n in 0..400 {
        for name in ["eks_cluster", "eks_node_pool", "t"] {
            changes.push(change(&format!("{name}.r[\"{}\"]", long(n)), all[n % 4]));
        }
    }
    let mut plan = plan(changes);
    let output = |n: usize| terrane_plan::OutputChange {
        name: long(n).into(),
        action: Action::Create,
        before: terrane_core::Value::NULL,
        after: terrane_core::Value::NULL,
        is_sensitive: false,
    };
    plan.outputs = (0..100).map(output).collect();
    let problem = |n: usize| crate::diag::POLICY_DENIED.at(terrane_core::Place::Run).detail(long(n));
    let problems: Vec<_> = (0..100).map(problem).collect();
    let text = Markdown { plan: &plan, registry: &Registry::default(), problems: &problems }.text();
    assert!(text.len() <= LIMIT && text.contains("names do not fit"), "{}", text.len());
    assert!(text.contains("300 to destroy"), "{}", &text[..400]);
}

// A4: nothing that a name or a message holds is Markdown, HTML or a mention.
#[test]
fn hostile_names_and_messages_stay_text() {
    let mut gone = change("t.r[\"</details><script>@all `x` [y](z)\"]", Action::Delete);
    gone.before = object(&[("name", "a\n```\n</details>\n# x\n````")]);
    let message = "<img src=x> @everyone [a](b) `c`\n## d ${e}".repeat(100);
    let problems = vec![crate::diag::POLICY_DENIED.at(terrane_core::Place::Run).detail(message); 1_000];
    let plan = plan(vec![gone]);
    let text = Markdown { plan: &plan, registry: &Registry::default(), problems: &problems }.text();
    let mut fence = None;
    for line in text.lines() {
        match &fence {
            None if line.starts_with("```") => fence = Some(line.trim_end_matches("diff").to_owned()),
            None => {
                assert!(!line.contains('@') && !line.contains("<script") && !line.contains("<img"), "{line}");
                assert!(!line.contains("[a](b)") && !line.starts_with("## d"), "{line}");
            }
            Some(open) if line == open => fence = None,
            Some(open) => assert!(!line.trim_start().starts_with(open.as_str()), "{line}"),
        }
    }
    assert_eq!(fence, None, "{text}");
    assert!(text.contains("Refused") && text.contains("more problems") && text.len() <= LIMIT, "{}", text.len());
}

#[test]
fn an_errored_plan_says_why() {
    let error = PlanError {
        id: "rule-broken".into(),
        summary: "The configuration breaks a rule".into(),
        detail: "rule: <b>".into(),
        addr: Some("t.r".parse().unwrap()),
        origin: Some(terrane_plan::plan::Origin { file: "main.hcl".into(), line: 3 }),
    };
    let text = text(&Plan::errored("2026-01-01T00:00:00Z".into(), vec![error]));
    assert!(text.contains("## Terrane plan failed") && text.contains("&#60;b&#62;"), "{text}");
    assert!(text.contains("main.hcl&#58;3 t.r") && text.contains("[rule-broken]"), "{text}");
}

#[test]
fn an_empty_plan_is_short() {
    let text = text(&plan(Vec::new()));
    assert!(text.contains("**No changes.**") && text.len() < 300, "{text}");
}
