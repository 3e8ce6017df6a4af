//! Every problem that planning and scheduling can tell of.

terrane_core::diagnostics! {
    PLAN_FILE_DAMAGED: error "plan-file-damaged" => "The plan file cannot be read";
        help: "Make the plan again with `terrane plan -out=FILE`";
}
