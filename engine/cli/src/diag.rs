//! Every problem that the command line itself can tell of.

terrane_core::diagnostics! {
    UNKNOWN_COMMAND: error "unknown-command" => "There is no such command";
        help: "`terrane -help` lists the commands";
    UNKNOWN_FLAG: error "unknown-flag" => "There is no such flag here";
        help: "`terrane COMMAND -help` lists the flags of a command";
    USAGE: error "usage" => "The command line cannot be understood";
        help: "`terrane COMMAND -help` shows how the command is called";
    INVALID_ADDRESS: error "invalid-address" => "This is no address";
        help: "Addresses look like eks_cluster.a, eks_cluster.a[\"key\"] or module.m.eks_cluster.a[0]";
    INVALID_SECRET_SOURCE: error "invalid-secret-source" => "This names no source of a secret";
        help: "Write -secret ADDR.path=env:NAME or -secret ADDR.path=file:PATH";
    PLANNING_FLAG_WITH_PLAN: error "planning-flag-with-plan" => "A saved plan takes no planning flags";
        help: "The plan fixes variables, targets and mode; make a new plan to change them";
    CONSENT_IMPOSSIBLE: error "consent-impossible" => "Nobody can be asked";
        help: "Apply a saved plan, or give -auto-approve";
    DECLINED: error "declined" => "Not approved, nothing was changed";
        help: "Only `yes` approves";
    CHDIR_FAILED: error "chdir-failed" => "The folder of -chdir cannot be entered";
        help: "Check that the folder is there";
    FILE_NOT_WRITTEN: error "file-not-written" => "A file cannot be written";
        help: "Check the folder, its permissions and free space";
    FILE_NOT_READ: error "file-not-read" => "A file cannot be read";
        help: "Check that the file is there and may be read";
    NO_SUCH_OUTPUT: error "no-such-output" => "The state has no output of this name";
        help: "`terrane output` lists the outputs; they are recorded by apply";
    NO_OUTPUTS: warning "no-outputs" => "The state has no outputs";
        help: "Declare outputs in the root module, then run apply";
    NOT_RAW: error "not-raw" => "This output has no bare text";
        help: "-raw is for strings, numbers and bools that are not sensitive; use -json for the others";
    NO_STATE: error "no-state" => "Nothing is recorded yet";
        help: "Run apply first";
    NOT_IN_STATE: error "not-in-state" => "The state has nothing at this address";
        help: "`terrane state list` lists what is recorded";
    SANDBOX_FAILED: error "sandbox-failed" => "The sandbox does not work";
        help: "Check that a port of 127.0.0.1 can be opened";
    COMMAND_NOT_STARTED: error "command-not-started" => "The command cannot be started";
        help: "Check that the command is there and may be run";
    DEMO_FAILED: error "demo-failed" => "The demo did not end as it should";
        help: "This is a bug in Terrane; the folder of the demo is kept for a look";
    INTERNAL: error "internal" => "This is a bug in Terrane";
        help: "Report it with the text above";
}
