//! Every problem that running can tell of, with its words.

use crate::seal::SealError;
use crate::seal::seen::Older;
use crate::store::{Cut, LockHolder, StoreError};
use terrane_core::{Diagnostic, InstanceAddr, Place};

terrane_core::diagnostics! {
    // The state.
    STATE_LOCKED: error "state-locked" => "Somebody else holds the lock of the state";
        help: "Wait for the other run, or give -lock-timeout; a lock without a heartbeat for 60 s is taken over";
    LOCK_LOST: error "lock-lost" => "This run lost the lock of the state and stopped writing";
        help: "Look at what the other run did, then run again: what was recorded before is kept";
    STATE_NEWER: error "state-newer" => "The state was written by a newer version of Terrane";
        help: "Run that version or a later one";
    STATE_DAMAGED: error "state-damaged" => "The state cannot be read";
        help: "Restore the files of the state from a copy";
    STATE_UNREADABLE: error "state-unreadable" => "The files of the state cannot be opened";
        help: "Check that the folder is there and may be read";
    STATE_WRITE_FAILED: error "state-write-failed" => "The state cannot be written, so nothing else is started";
        help: "Make room on the disk or give the right to write, then run again: what was recorded before is kept";
    JOURNAL_DAMAGED: warning "journal-damaged" => "The end of the journal cannot be read and was left out";
        help: "Plan before anything else: changes of the lost part are found by reading; what was created in it is planned as new and found taken";
    STATE_PLACE_MISSING: error "state-place-missing" => "The place of the state is not there";
        help: "Make the bucket, container or table, or correct its name in the `backend` block";
    STATE_DENIED: error "state-denied" => "The right to work with the state is missing";
        help: "Give the right that is named to whoever runs Terrane; planning needs read and list, the rest is for applying";
    STATE_NOT_CONDITIONAL: error "state-not-conditional" => "This place cannot keep a state: it overwrites where it should refuse";
        help: "Use a place that can make an object only where there is none, such as S3, GCS, Azure Blob, OSS, COS or PostgreSQL";
    BACKEND_UNUSABLE: error "backend-unusable" => "The backend cannot be used as it is written";
        help: "Correct the `backend` block";
    STATE_CLOCK_SKEW: error "state-clock-skew" => "The clocks of this machine and of the place of the state are too far apart";
        help: "Set the clock of this machine, with NTP for example";
    STATE_SERIAL_UNKNOWN: error "state-serial-unknown" => "The history of the state has no such serial";
        help: "`terrane state versions` shows what is kept";
    LOCK_NOT_THAT: error "lock-not-that" => "The state is not locked by the lock of that id";
        help: "`terrane lock show` tells who holds it, and its id";
    RECORD_NOT_FOUND: error "record-not-found" => "The state has no such object";
        help: "`terrane state list` shows what there is";

    // Where the state is.
    BACKEND_NOT_SET_UP: error "backend-not-set-up" => "The backend is not set up in this folder";
        help: "Run `terrane init`";
    BACKEND_CHANGED: error "backend-changed" => "The state is asked for in another place than the one that init set up";
        help: "Run `terrane init -migrate-state` to take the state along, or `terrane init -reconfigure` to leave it where it is";
    BACKEND_FILE_DAMAGED: error "backend-file-damaged" => "What init remembered cannot be used";
        help: "Run `terrane init -reconfigure`: the file holds nothing but where the state is";
    BACKEND_SECRET: error "backend-secret-unavailable" => "A secret of the backend cannot be read";
        help: "Set the variable or make the file that the `backend` block names";
    WRONG_BACKEND_FLAG: error "wrong-backend-flag" => "This is not how the backend is given an argument";
        help: "Write -backend-config 'NAME=VALUE', or the name of a file with lines such as NAME = \"VALUE\"; secrets stand in a file or in the environment";

    // What a plan is about.
    CHANGES_UNKNOWN: error "changes-unknown" => "What changed since that revision is not known";
        help: "Name a revision that git has in this repository, such as origin/main, or plan everything";

    // Modules that come from elsewhere.
    MODULE_NOT_FETCHED: error "module-not-fetched" => "A module cannot be fetched";
        help: "See that the repository, the revision and the rights to read it are there, as git has them";
    MODULE_OTHER_DIGEST: error "module-other-digest" => "A module is not what it was when it was locked";
        help: "Find out who changed it; `terrane init -upgrade` takes it as it is now";
    LOCK_FILE_UNREADABLE: error "lock-file-unreadable" => "The lock file cannot be used";
        help: "Take .terrane.lock.hcl from the repository again, or delete it and run `terrane init`";
    LOCK_FILE_READONLY: error "lock-file-readonly" => "The lock file would change, and is to stay as it is";
        help: "Run `terrane init` without -lockfile=readonly, and commit .terrane.lock.hcl";

    // Changes of the state alone.
    INTENTS_OPEN: error "intents-open" => "Steps of an earlier run have no outcome yet";
        help: "Run `terrane apply` first: it finds out what became of them, by reading";
    TAINT_UNCHANGED: error "taint-unchanged" => "There is nothing to mark or to take back";
        help: "`terrane state show ADDR` tells whether an object is tainted";
    MOVE_REFUSED: error "move-refused" => "The record cannot move there";
        help: "Give two addresses of the same kind: instances, blocks or modules";
    ADDRESS_TAKEN: error "address-taken" => "Something else is recorded at this address";
        help: "Move or remove that first: `terrane state mv`, `terrane state rm`";
    STATE_DOCUMENT_WRONG: error "state-document-wrong" => "This is no state";
        help: "Give a document that `terrane state pull` wrote";
    LINEAGE_DIFFERS: error "lineage-differs" => "The two states have different histories";
        help: "Check that it is the right state; -force puts it in place all the same";
    SERIAL_BEHIND: error "serial-behind" => "The state there is not older than the one that should replace it";
        help: "Look at both, then take the newer one; -force puts it in place all the same";

    // Workspaces.
    WRONG_WORKSPACE_NAME: error "wrong-workspace-name" => "A workspace cannot have this name";
        help: "A name has at most 90 letters, digits, dashes, underscores and dots, and does not start with a dot";
    NO_SUCH_WORKSPACE: error "no-such-workspace" => "There is no workspace of this name";
        help: "`terrane workspace list` shows what there is; `terrane workspace new NAME` makes one";
    WORKSPACE_FIXED: error "workspace-fixed" => "The workspace is selected by an environment variable";
        help: "Unset the variable, or give it the name of the other workspace";
    WORKSPACE_NOT_KEPT: error "workspace-not-kept" => "The selected workspace cannot be remembered";
        help: "Check the folder .terrane and its permissions, or select with TERRANE_WORKSPACE";

    // Saved plans.
    PLAN_EXPIRED: error "plan-expired" => "The plan file has expired";
        help: "Make the plan again and review it; `plan -expires=DURATION` says how long one may be applied";
    PLAN_ERRORED: error "plan-errored" => "The plan ended with errors";
        help: "Fix what `terrane show FILE` lists and make the plan again";
    PLAN_OTHER_VERSION: error "plan-other-version" => "The plan file was made by another version of Terrane";
        help: "Apply it with the version that made it, or make it again";
    PLAN_OTHER_CONFIGURATION: error "plan-other-configuration" => "The plan file was made from another configuration than the one here";
        help: "Check out the configuration that it was made from, or make it again";
    PLAN_UNSIGNED: error "plan-unsigned" => "The plan file is not signed";
        help: "Sign it with `terrane sign FILE -key=KEYFILE`, or plan with -sign-key=KEYFILE";
    PLAN_SIGNATURE_WRONG: error "plan-signature-wrong" => "The signature of the plan file does not count";
        help: "Review the plan, and sign it with a key that is trusted here";
    SIGNING_KEY_UNUSABLE: error "signing-key-unusable" => "A key for signatures cannot be used";
        help: "Make one with `openssl genpkey -algorithm ed25519 -out KEYFILE`, its public key with `openssl pkey -in KEYFILE -pubout`";

    // Secrets.
    DIGEST_KEY_UNUSABLE: warning "digest-key-unusable" => "The key for digests of secrets cannot be used";
        help: "Set TERRANE_DIGEST_KEY to at least 16 characters, or give the key file the mode 0600";
    WRONG_SECRET_FLAG: error "wrong-secret-flag" => "This is not how a secret is given";
        help: "Write -secret 'ADDRESS.path=env:NAME', or file:PATH in place of env:NAME";

    // Halts.
    PLANNER_WAITS: error "planner-waits" => "Planning waits for nothing, which is a bug in Terrane";
        help: "Report it with the id planner-waits";
    SCHEDULE_WAITS: error "schedule-waits" => "Applying waits for nothing, which is a bug in Terrane";
        help: "Report it with the id schedule-waits; what is done is recorded, so plan and apply again";

    // Sealing.
    STATE_OLDER_THAN_SEEN: error "state-older-than-seen" => "The state is older than one that was seen here";
        help: "Restore the newest state; where the older one is meant, say so with `terrane state accept-older`";
    SEALED_WITHOUT_KEY: error "sealed-without-key" => "It is encrypted, and no key is configured";
        help: "Configure the key in the `encryption` block, or with TERRANE_ENCRYPTION";
    WRONG_KEY: error "wrong-key" => "None of the keys is the one that it is encrypted with";
        help: "Give the right key; one that was replaced belongs in a `previous` block";
    SEALED_TAMPERED: error "sealed-tampered" => "What is encrypted was changed, cut or put elsewhere";
        help: "Find out who wrote there, and restore the last good copy";
    SEALED_NEWER: error "sealed-newer" => "It was encrypted by a newer version of Terrane";
        help: "Run that version or a later one";
    NOT_SEALED: error "not-sealed" => "It is not encrypted, and only encrypted things are taken";
        help: "Find out who wrote it; to take it over, run once without `enforced = true`";
    KEY_UNAVAILABLE: error "key-unavailable" => "A key for encryption cannot be had";
        help: "Give the variable, file or command that the `encryption` block names";
    UNKNOWN_KEY_KIND: error "unknown-key-kind" => "There is no such kind of key";
        help: "Kinds of keys are passphrase, raw and the key services of the linked providers";
    WRONG_KEY_SETTING: error "wrong-key-setting" => "A key is not described as it has to be";
        help: "Write one of env = \"NAME\", file = \"PATH\" and exec = [\"PROGRAM\"]";
    NO_ENCRYPTION: error "no-encryption" => "No encryption is configured";
        help: "Write an `encryption` block, or set TERRANE_ENCRYPTION";

    // The sandbox.
    CLOCK_RATE_REFUSED: error "clock-rate-refused" => "TERRANE_CLOCK_RATE is for sandboxes on this machine only";
        help: "Unset TERRANE_CLOCK_RATE, or set AWS_ENDPOINT_URL and its like to addresses of this machine";
}

/// What a store's error is to people. `place` says where the state is.
#[must_use]
pub fn explain(error: StoreError, place: &str) -> Diagnostic {
    match error {
        StoreError::Locked(holder) => held(STATE_LOCKED.at(Place::State), &holder).with("state", place),
        StoreError::LeaseLost(None) => LOCK_LOST.at(Place::State).with("state", place),
        StoreError::LeaseLost(Some(holder)) => held(LOCK_LOST.at(Place::State), &holder).with("state", place),
        StoreError::Newer { found } => STATE_NEWER
            .at(Place::State)
            .with("format", found)
            .with("known", terrane_plan::state::FORMAT)
            .with("state", place),
        StoreError::Damaged { reason } => STATE_DAMAGED.at(Place::State).detail(reason).with("state", place),
        StoreError::Sealed(error) => seal(error, Place::State).with("state", place),
        StoreError::ReadFailed { reason } => STATE_UNREADABLE.at(Place::State).detail(reason).with("state", place),
        StoreError::WriteFailed { reason } => STATE_WRITE_FAILED.at(Place::State).detail(reason).with("state", place),
        StoreError::NoSuchPlace { reason } => STATE_PLACE_MISSING.at(Place::State).detail(reason).with("state", place),
        StoreError::Denied { action, reason } => {
            STATE_DENIED.at(Place::State).detail(reason).with("action", action).with("state", place)
        }
        StoreError::NotConditional => STATE_NOT_CONDITIONAL.at(Place::State).with("state", place),
        StoreError::Unusable { reason } => BACKEND_UNUSABLE.at(Place::State).detail(reason).with("state", place),
        StoreError::ClockSkew { reason } => STATE_CLOCK_SKEW.at(Place::State).detail(reason).with("state", place),
        StoreError::NoSuchSerial { serial, oldest, newest } => STATE_SERIAL_UNKNOWN
            .at(Place::State)
            .with("serial", serial)
            .with("oldest", oldest)
            .with("newest", newest)
            .with("state", place),
        StoreError::OtherLock(None) => LOCK_NOT_THAT.at(Place::State).detail("nobody holds it").with("state", place),
        StoreError::OtherLock(Some(holder)) => held(LOCK_NOT_THAT.at(Place::State), &holder).with("state", place),
    }
}

/// What it is to people that something cannot be sealed or opened.
#[must_use]
pub fn seal(error: SealError, place: Place) -> Diagnostic {
    match error {
        SealError::NoKey { kind } => SEALED_WITHOUT_KEY.at(place).with("kind of key", kind),
        SealError::WrongKey { kind, fingerprint } => {
            WRONG_KEY.at(place).with("kind of key", kind).with("fingerprint", fingerprint)
        }
        SealError::Tampered { reason } => SEALED_TAMPERED.at(place).detail(reason),
        SealError::Newer { found } => {
            SEALED_NEWER.at(place).with("format", found).with("known", crate::seal::envelope::FORMAT)
        }
        SealError::NotSealed => NOT_SEALED.at(place),
        SealError::KeyUnavailable { source, reason } => {
            KEY_UNAVAILABLE.at(place).detail(&*reason).with("source", source)
        }
        SealError::Service(fault) => terrane_plan::diag::fault(&fault, place),
    }
}

/// A state that is older than one of its history that this folder has seen.
#[must_use]
pub fn older(state: &terrane_plan::State, older: Older) -> Diagnostic {
    STATE_OLDER_THAN_SEEN
        .at(Place::State)
        .with("serial", state.serial)
        .with("serial seen", older.seen)
        .with("lineage", &state.lineage)
}

fn held(diagnostic: Diagnostic, holder: &LockHolder) -> Diagnostic {
    diagnostic
        .with("held by", &holder.owner)
        .with("operation", &holder.operation)
        .with("since", &holder.created)
        .with("last heartbeat", &holder.heartbeat)
        .with("lock", &holder.id)
}

/// A log that could not be read to its end.
#[must_use]
pub fn journal_damaged(cut: &Cut) -> Diagnostic {
    let said = JOURNAL_DAMAGED
        .at(Place::State)
        .detail(format!("{} bytes after serial {} are no entries: {}", cut.bytes, cut.serial, cut.reason));
    match &cut.kept_in {
        Some(file) => said.with("moved to", file),
        None => said,
    }
}

/// `state rm` of something that is not recorded.
#[must_use]
pub fn record_not_found(addr: &InstanceAddr, deposed: Option<&str>) -> Diagnostic {
    let said = RECORD_NOT_FOUND.at(addr.clone());
    match deposed {
        Some(mark) => said.with("deposed", mark),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_a_store_has_its_id() {
        let reason = || "because".to_owned();
        for (error, id) in [
            (StoreError::NoSuchPlace { reason: reason() }, "state-place-missing"),
            (StoreError::Denied { action: "list", reason: reason() }, "state-denied"),
            (StoreError::NotConditional, "state-not-conditional"),
            (StoreError::ClockSkew { reason: reason() }, "state-clock-skew"),
            (StoreError::NoSuchSerial { serial: 9, oldest: 3, newest: 7 }, "state-serial-unknown"),
            (StoreError::OtherLock(None), "lock-not-that"),
        ] {
            let told = explain(error, "s3://bucket/key");
            assert_eq!(told.kind.id, id);
            assert!(told.message().contains("s3://bucket/key"), "{}", told.message());
        }
        let denied = explain(StoreError::Denied { action: "list", reason: reason() }, "here").message();
        assert!(denied.contains("list") && denied.contains("because"), "{denied}");
    }
}
