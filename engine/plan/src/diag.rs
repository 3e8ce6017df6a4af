//! Every problem that planning and scheduling can tell of.

use terrane_core::{Diagnostic, DiagnosticKind, Place};
use terrane_provider::{Fault, FaultKind};

terrane_core::diagnostics! {
    PLAN_FILE_DAMAGED: error "plan-file-damaged" => "The plan file cannot be read";
        help: "Make the plan again with `terrane plan -out=FILE`";
    PLAN_FILE_NEWER: error "plan-file-newer" => "The plan file is of a newer version of Terrane";
        help: "Apply it with the version that made it, or make it again";
    PLAN_STALE: error "plan-stale" => "Saved plan is stale";
        help: "The state changed since the plan was made; make it again and review it";
    PLANNER_STUCK: error "planner-stuck" => "Planning came to a halt";
        help: "This is a bug in Terrane; report it with this id";
    ORDER_CYCLE: error "order-cycle" => "The steps of the plan wait for each other";
        help: "This is a bug in Terrane; report it with this id. Splitting the change in two gets around it";
    ARGUMENT_INVALID: error "argument-invalid" => "An argument has a value that is not allowed";
        help: "Use a value that the reference of the type lists";
    RULE_BROKEN: error "rule-broken" => "The configuration breaks a rule of the resource type";
        help: "Change the arguments that the rule names";
    TYPE_WARNS: warning "type-warns" => "The resource type warns about a value";
        help: "Check whether this is meant";
    VARIABLE_WRONG_TYPE: error "variable-wrong-type" => "A value does not fit the type of the variable";
        help: "Pass a value of the declared type";
    OUTPUT_SENSITIVE: error "output-sensitive" => "An output shows a sensitive value";
        help: "Set `sensitive = true` on the output, or take the secret out of it";
    PROVIDER_KNOWN_AFTER_APPLY: error "provider-known-after-apply" => "A provider configuration is known only after apply";
        help: "Configure the provider from variables, or give region and credentials to each resource";
    KEYS_KNOWN_AFTER_APPLY: error "keys-known-after-apply" => "The keys of the instances are never known while planning";
        help: "Use keys that are written in the configuration or come from objects, and put what is not known in the values";
    DATA_KNOWN_AFTER_APPLY: error "data-known-after-apply" => "An argument of a data source is never known while planning";
        help: "Give it arguments that are written in the configuration or come from objects";
    TYPE_NOT_LINKED: error "type-not-linked" => "The state has an object of a type that this binary does not know";
        help: "Use a binary with that provider, or remove the object with `terrane state rm`";
    SECRET_LITERAL: error "secret-literal" => "A secret is written in the clear";
        help: "Use env(..), file(..), exec(..) or a sensitive variable";
    SECRET_NOT_COMPARABLE: warning "secret-not-comparable" => "It cannot be told whether a secret changed";
        help: "Set TERRANE_DIGEST_KEY or make the key file readable, and let the source of the secret be there, so that digests can be compared";
    CHANGE_REFUSED: error "change-refused" => "This change cannot be made";
        help: "Undo the change";
    CLUSTER_REPLACE_REFUSED: error "cluster-replace-refused" => "The change would replace a cluster";
        help: "Undo the change, or let it through with -allow-replace=ADDR";
    DESTROY_PREVENTED: error "destroy-prevented" => "`prevent_destroy` protects an object that would be destroyed";
        help: "Apply `prevent_destroy = false` first, or let it through with -allow-destroy=ADDR";
    DUPLICATE_OBJECT: error "duplicate-object" => "Two instances stand for one object";
        help: "Give them different names, or remove one";
    TARGET_MATCHES_NOTHING: error "target-matches-nothing" => "A target matches nothing";
        help: "See `terrane state list` and the configuration for addresses";
    EXCLUDE_MATCHES_NOTHING: error "exclude-matches-nothing" => "An exclusion matches nothing";
        help: "See `terrane state list` and the configuration for addresses";
    EXCLUDE_HOLDS: error "exclude-holds" => "Something that is left out needs an object that would be replaced";
        help: "Exclude the object that would be replaced too, or exclude neither";
    DEFERRED_HOLDS: error "deferred-holds" => "Something that waits for a later stage needs an object that would be replaced";
        help: "Let the old object go first, without `create_before_destroy`, or write keys that are known while planning";
    IMPORT_ID_INVALID: error "import-id-invalid" => "An import names no object";
        help: "Write the id in the form of its type; the reference page of the type shows it";
    IMPORT_NOT_THERE: error "import-not-there" => "The object to import is not there";
        help: "Correct the id, or remove the import block so that the object is created";
    IMPORT_OTHER_OBJECT: error "import-other-object" => "The import is about another object than its block";
        help: "Write cluster, region and name in the block as they are in the id";
    IMPORT_TWICE: error "import-twice" => "Two imports are about one object or one address";
        help: "Keep one of them";
    IMPORT_RECORDED: error "import-recorded" => "The object to import is in the state under another address";
        help: "Keep it there, or tell where it went with a moved block";
    IMPORT_NOT_CONFIGURED: error "import-not-configured" => "An import has no block to go to";
        help: "Write the resource block, or have it written with -generate-config-out=FILE";
    MOVE_BLOCKED: warning "move-blocked" => "Something is recorded where a moved block leads";
        help: "The object that is not moved will be destroyed; remove one of the two records, or the moved block, to keep it";
    DRIFT_IGNORE_EXPIRED: warning "drift-ignore-expired" => "Drift is not ignored any more: the day is over";
        help: "Accept or revert the drift, or set a later day with a reason";
    DRIFT_IGNORE_UNUSED: warning "drift-ignore-unused" => "An ignore block is about no drift";
        help: "Take it out: it would hide the next change";
    REVERT_REPLACES: error "revert-replaces" => "Reverting the drift would replace the object";
        help: "Accept the drift, or let `terrane apply` replace the object";
    RECOVERY_UNCLEAR: error "recovery-unclear" => "It cannot be told what an interrupted run did";
        help: "Look at the object; if it is not ours, remove the record with `terrane state rm`";
    STATE_NOT_WRITTEN: error "state-not-written" => "The state cannot be written";
        help: "Free space or repair access to the state, then apply again; nothing was started after this";
    OBJECT_EXISTS: error "object-exists" => "An object of that name is there already";
        help: "Choose another name; taking over an object that is there is a matter of import";
    PRECONDITION_FAILED: error "precondition-failed" => "The world changed since the plan was made";
        help: "Make the plan again and review it";
    STEP_DEADLINE: error "step-deadline" => "A step took longer than its deadline";
        help: "Run apply again: it goes on with what is under way; give more time with a `timeouts` block";
    INCONSISTENT_RESULT: error "inconsistent-result" => "An object came out other than planned";
        help: "This is a bug in the provider; report it with the type and the argument";
    STEP_VALUE_UNKNOWN: error "step-value-unknown" => "A value that a step needs has no value";
        help: "This is a bug in Terrane; report it with this id";
    FAULT_THROTTLED: error "throttled" => "The remote side refuses more requests";
        help: "Run again later, or lower -parallelism";
    FAULT_CONFLICT: error "conflict" => "The object is in use, or its name is taken";
        help: "Wait until the other operation is done; where the name is taken, use another";
    FAULT_DENIED: error "denied" => "The credentials may not do this";
        help: "Give the identity the permission that is named";
    NO_CREDENTIALS: error "no-credentials" => "There are no credentials";
        help: "Set the usual variables of the cloud, a profile, or the `credentials` argument";
    EXPIRED_CREDENTIALS: error "expired-credentials" => "The credentials have expired";
        help: "Log in again";
    FAULT_INVALID: error "refused-value" => "The remote side refuses a value";
        help: "Change the argument that is named";
    FAULT_QUOTA: error "quota" => "A quota is used up";
        help: "Free something or ask for a higher quota";
    FAULT_GONE: error "gone" => "The object is not there";
        help: "Make the plan again";
    FAULT_UNAVAILABLE: error "unavailable" => "The remote side does not answer as it should";
        help: "Check the endpoint and the network, and run again";
    WRONG_SCOPE: error "wrong-scope" => "The credentials belong to another account";
        help: "Use credentials of the account that the object is recorded in";
    TFSTATE_UNREADABLE: error "tfstate-unreadable" => "This is no state of Terraform or OpenTofu";
        help: "Give the file that `terraform state pull` or `tofu state pull` writes";
    TFSTATE_VERSION: error "tfstate-version" => "The state of Terraform or OpenTofu has another format";
        help: "Version 4 is read; let the tool that wrote it bring it there, or use `terrane adopt eks`";
    FAULT_BUG: error "provider-bug" => "A provider made a mistake";
        help: "This is a bug in Terrane; report it with this id and the operation";
}

/// The problem that a fault is for people.
#[must_use]
pub fn fault(fault: &Fault, place: Place) -> Diagnostic {
    let kind = match (&fault.kind, &*fault.code) {
        (FaultKind::Denied { .. }, "no-credentials") => &NO_CREDENTIALS,
        (FaultKind::Denied { .. }, "expired-credentials") => &EXPIRED_CREDENTIALS,
        (FaultKind::Throttled { .. }, _) => &FAULT_THROTTLED,
        (FaultKind::Conflict, _) => &FAULT_CONFLICT,
        (FaultKind::Denied { .. }, _) => &FAULT_DENIED,
        (FaultKind::Invalid { .. }, _) => &FAULT_INVALID,
        (FaultKind::Quota, _) => &FAULT_QUOTA,
        (FaultKind::Gone, _) => &FAULT_GONE,
        (FaultKind::Unavailable, _) => &FAULT_UNAVAILABLE,
        (FaultKind::WrongScope { .. }, _) => &WRONG_SCOPE,
        (FaultKind::Bug, _) => &FAULT_BUG,
    };
    let mut problem = kind.at(place).detail(&*fault.message).with("operation", &fault.operation);
    match &fault.kind {
        FaultKind::Denied { permission: Some(permission) } => problem = problem.with("permission", permission),
        FaultKind::Invalid { argument: Some(path) } => problem = problem.with("argument", path),
        FaultKind::WrongScope { expected, found } => {
            problem = problem.with("expected", expected).with("found", found);
        }
        _ => {}
    }
    if !fault.code.is_empty() {
        problem = problem.with("code", &fault.code);
    }
    if let Some(id) = &fault.request_id {
        problem = problem.with("request id", id);
    }
    match &fault.help {
        Some(help) => problem.help(&**help),
        None => problem,
    }
}

/// The catalogue entry of a rule that a type refuses by.
#[must_use]
pub fn refusal(rule: &str) -> &'static DiagnosticKind {
    if rule == "not-in-this-version" { &terrane_lang::diag::NOT_IN_THIS_VERSION } else { &RULE_BROKEN }
}
