//! Every form on one model with hostile names.

use super::model::*;
use super::*;
use serde_json::Value as Json;
use terrane_core::{DriftSeverity, InstanceAddr, Value};
use terrane_plan::drift::FindingKind;

/// Whatever ends a text, a tag, a command or a table somewhere.
const HOSTILE: &str = "a\"<&>%]]>::`|*_[x](y)@me\u{2028}é,'</script><!--";

fn finding(addr: &str, kind: FindingKind, path: &str, severity: DriftSeverity) -> Finding {
    let is_leaf = !path.is_empty();
    let shown = |text: &str| if is_leaf { Shown::Open(Value::string(text)) } else { Shown::Nothing };
    Finding {
        instance: "eks_cluster.a".parse::<InstanceAddr>().unwrap(),
        addr: addr.to_owned(),
        object: format!("1/eu/{addr}"),
        type_name: String::from("eks_cluster"),
        kind,
        path: path.to_owned(),
        rule: if is_leaf { format!("eks_cluster.{path}") } else { format!("eks_cluster/{}", kind.name()) },
        doc: String::from("A doc."),
        recorded: shown("old"),
        actual: shown(HOSTILE),
        place: is_leaf.then(|| Place { file: String::from("mo dules/a:b,c/main.hcl"), line: 7 }),
        severity,
        fingerprint: format!("f-{addr}-{path}"),
        first_seen: is_leaf.then(|| String::from("2026-11-01T00:00:00Z")),
        owner: None,
        message: format!("{path} is {HOSTILE}"),
        help: String::from("Do this"),
        problem: (kind == FindingKind::Unreadable).then(|| String::from("denied")),
        ignored: None,
    }
}

fn report() -> Report {
    let ignored = Finding {
        ignored: Some(Ignored { reason: HOSTILE.to_owned(), until: String::from("2027-01-31"), place: None }),
        ..finding("eks_cluster.i", FindingKind::Changed, "tags.owner", DriftSeverity::Low)
    };
    let secret = Finding {
        recorded: Shown::Secret,
        actual: Shown::Secret,
        ..finding("eks_cluster.s", FindingKind::Changed, "token", DriftSeverity::Medium)
    };
    let findings = vec![
        finding("eks_cluster.gone", FindingKind::Gone, "", DriftSeverity::Critical),
        finding("eks_cluster.blind", FindingKind::Unreadable, "", DriftSeverity::High),
        finding(&format!("eks_cluster.a[\"{HOSTILE}\"]"), FindingKind::Changed, "endpoint.public", DriftSeverity::High),
        secret,
        ignored,
    ];
    let object = |addr: &str, module: &str| Object {
        addr: addr.to_owned(),
        module: module.to_owned(),
        type_name: String::from("eks_cluster"),
        place: None,
    };
    let mut objects: Vec<Object> = findings.iter().map(|finding| object(&finding.addr, "root")).collect();
    objects.push(object("module.m[\"<\"].eks_cluster.good", "module.m[\"<\"]"));
    let run = Run {
        version: String::from("0.1.0"),
        at: String::from("2026-11-25T18:00:00Z"),
        folder: String::from("live/eu"),
        first_file: String::from("main.hcl"),
        objects,
    };
    Report { findings, run }
}

fn written(format: Format, report: &Report) -> String {
    let mut out = Vec::new();
    write(format, report, Paint::PLAIN, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn every_form_is_the_same_every_time() {
    for format in Format::ALL {
        let text = written(format, &report());
        assert_eq!(text, written(format, &report()), "{}", format.name());
        assert!(text.ends_with('\n'), "{}", format.name());
        assert_eq!(Format::named(format.name()), Some(format));
    }
}

#[test]
fn the_text_ends_with_what_there_is() {
    let text = written(Format::Text, &report());
    assert!(text.ends_with("Drift: 2 changed, 1 gone, 1 unreadable. Ignored: 1.\n"), "{text}");
    assert!(text.contains("# eks_cluster.blind cannot be read") && text.contains("(sensitive value)"), "{text}");
    let none = Report { findings: Vec::new(), ..report() };
    assert_eq!(written(Format::Text, &none), "No drift. The objects are as they were applied.\n");
}

#[test]
fn sarif_has_rules_places_fingerprints_and_suppressions() {
    let log: Json = serde_json::from_str(&written(Format::Sarif, &report())).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    let rule = &run["tool"]["driver"]["rules"][usize::try_from(results[2]["ruleIndex"].as_u64().unwrap()).unwrap()];
    assert_eq!((&rule["id"], &results[2]["level"]), (&Json::from("eks_cluster.endpoint.public"), &Json::from("error")));
    let place = &results[2]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "live/eu/mo%20dules/a%3Ab%2Cc/main.hcl");
    assert_eq!(
        (&place["region"]["startLine"], &run["invocations"][0]["executionSuccessful"]),
        (&7.into(), &false.into())
    );
    // Code scanning wants a place of each.
    assert_eq!(results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], "live/eu/main.hcl");
    assert_eq!(results[2]["provenance"]["firstDetectionTimeUtc"], "2026-11-01T00:00:00Z");
    let suppressed: Vec<bool> =
        results.iter().map(|result| !result["suppressions"].as_array().unwrap().is_empty()).collect();
    assert_eq!(suppressed, [false, false, false, false, true]);
    assert!(results.iter().all(|result| result["partialFingerprints"]["terraneDrift/v1"].is_string()));
}

#[test]
fn junit_has_a_suite_a_module_and_a_case_an_object() {
    let text = written(Format::Junit, &report());
    assert!(text.contains("<testsuites name=\"terrane drift\" tests=\"6\" failures=\"3\" errors=\"1\" time=\"0\">"));
    assert!(text.contains("<testsuite name=\"root\" tests=\"5\" failures=\"3\" errors=\"1\" skipped=\"1\""), "{text}");
    assert!(text.contains("<testsuite name=\"module.m[&quot;&lt;&quot;]\" tests=\"1\" failures=\"0\""), "{text}");
    assert_eq!(text.matches("<testcase ").count(), 6);
    assert!(text.contains("a&quot;&lt;&amp;&gt;%]]&gt;::") && !text.contains(HOSTILE));
    let counts = |tag: &str| (text.matches(&format!("<{tag} ")).count(), text.matches(&format!("</{tag}>")).count());
    assert_eq!((counts("failure"), counts("error"), counts("skipped")), ((3, 3), (1, 1), (1, 1)));
}

#[test]
fn markdown_stays_below_the_limit_and_counts_all() {
    let mut many = report();
    let one = finding("eks_cluster.x", FindingKind::Changed, "tags.owner", DriftSeverity::Low);
    many.findings.splice(4..4, (0..5_000).map(|_| one.clone()));
    let text = written(Format::Markdown, &many);
    assert!(text.len() < 65_536, "{}", text.len());
    assert!(text.contains("| 1 | 2 | 1 | 5000 |"), "{}", &text[..600]);
    assert!(text.contains("more are left out here"));
    let cells = written(Format::Markdown, &report());
    let row = cells.lines().find(|line| line.contains("endpoint.public")).unwrap();
    assert_eq!(row.matches('|').count(), 6, "{row}");
    assert!(!row.contains('<') && !row.contains('`') && !row.contains('@'), "{row}");
    assert!(cells.find("eks&#95;cluster.gone") < cells.find("eks&#95;cluster.a&#91;"), "{cells}");
}

#[test]
fn workflow_commands_are_escaped_and_limited() {
    let text = written(Format::Github, &report());
    let line = text.lines().find(|line| line.contains("endpoint.public")).unwrap();
    let (parameters, message) = line.strip_prefix("::error ").unwrap().split_once("::").unwrap();
    assert!(parameters.starts_with("file=live/eu/mo dules/a%3Ab%2Cc/main.hcl,line=7,title="), "{parameters}");
    assert_eq!(parameters.matches(',').count(), 2, "{parameters}");
    assert!(message.contains("%25]]>::") && message.ends_with(". Do this"), "{message}");
    assert!(!text.contains("eks_cluster.i"), "{text}");
    let mut many = report();
    many.findings = (0..25).map(|_| finding("eks_cluster.x", FindingKind::Changed, "v", DriftSeverity::Low)).collect();
    let text = written(Format::Github, &many);
    assert_eq!(text.matches("::notice ").count(), 10);
    assert!(text.contains("16 more findings"), "{text}");
}

#[test]
fn gitlab_has_what_it_requires() {
    let issues: Json = serde_json::from_str(&written(Format::Gitlab, &report())).unwrap();
    let issues = issues.as_array().unwrap();
    let severities: Vec<&str> = issues.iter().map(|issue| issue["severity"].as_str().unwrap()).collect();
    assert_eq!(severities, ["blocker", "critical", "critical", "major"]);
    for issue in issues {
        for name in ["description", "check_name", "fingerprint"] {
            assert!(issue[name].as_str().is_some_and(|text| !text.is_empty()), "{issue}");
        }
        assert!(issue["location"]["path"].as_str().is_some_and(|path| path.starts_with("live/eu/")), "{issue}");
        assert!(issue["location"]["lines"]["begin"].as_u64().is_some_and(|line| line > 0), "{issue}");
    }
}

#[test]
fn the_page_refers_to_nothing_elsewhere() {
    let page = written(Format::Html, &report());
    let lower = page.to_lowercase();
    for elsewhere in ["http:", "https:", "src=", "href=", "url(", "@import", "//cdn"] {
        assert!(!lower.contains(elsewhere), "{elsewhere}");
    }
    assert_eq!((lower.matches("<script").count(), lower.matches("</script").count()), (1, 1));
    assert_eq!(page.matches("<tr data-severity=").count(), 5);
    // Without scripts the filters, which would do nothing, are not there; everything else is.
    assert!(page.contains("<fieldset id=\"filters\" hidden>") && !page.contains("<tr hidden"));
    assert!(page.contains("color-scheme") && page.contains("default-src 'none'"));
}

#[test]
fn a_secret_is_in_no_form() {
    let secret = Value::string("hunter2").sensitive();
    let inside = Value::object(vec![("a".into(), secret.clone())]);
    let look =
        terrane_plan::drift::Look { findings: [secret, inside].map(|value| found(&value)).into(), objects: Vec::new() };
    let around = Surroundings {
        at: String::from("2026-11-25T18:00:00Z"),
        folder: String::new(),
        first_file: String::from("main.hcl"),
        has_foreign: false,
    };
    let report = model::report(&look, around);
    for format in Format::ALL {
        assert!(!written(format, &report).contains("hunter2"), "{}", format.name());
    }
    let json: Json = serde_json::from_str(&written(Format::Json, &report)).unwrap();
    assert_eq!((&json["findings"][0]["is_secret"], &json["findings"][0]["actual"]), (&true.into(), &Json::Null));
    // What a remote side writes does not steer a terminal.
    assert!(json["findings"][0]["message"].as_str().is_some_and(|text| text.contains("\\u001b")), "{json}");
}

fn found(value: &Value) -> terrane_plan::drift::Finding {
    let (kind, path) = (FindingKind::Changed, terrane_core::Path::attr("tags").child("\u{1b}[2J"));
    let id = terrane_core::ObjectId {
        type_name: "eks_cluster".into(),
        scope: terrane_core::Scope::default(),
        key: "a".into(),
    };
    terrane_plan::drift::Finding {
        key: ("eks_cluster.a".parse().unwrap(), None),
        fingerprint: terrane_plan::drift::fingerprint(&id, kind, &path),
        id,
        kind,
        path,
        attribute: "tags".into(),
        doc: "".into(),
        recorded: value.clone(),
        actual: Value::string("hunter2").sensitive(),
        severity: DriftSeverity::Low,
        first_seen: None,
        owner: terrane_core::change::Owner::Ours,
        origin: None,
        is_written: false,
        problem: None,
        ignored: None,
    }
}
