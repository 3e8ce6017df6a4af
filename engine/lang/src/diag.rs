//! Every problem that checking and evaluation can report, with its words.

terrane_core::diagnostics! {
    // Files and folders.
    NO_CONFIGURATION: error "no-configuration" => "The folder holds no configuration";
        help: "Run in a folder that has *.hcl files, or name one with -chdir";
    UNREADABLE_FILE: error "unreadable-file" => "A file cannot be read";
        help: "Check that the file is there, is UTF-8 text and may be read";
    NOT_IN_THIS_VERSION: error "not-in-this-version" => "This version of Terrane does not have it yet";
        help: "Leave it out for now; the release notes say when it comes";
    VERSION_NOT_SUPPORTED: error "version-not-supported" => "The configuration wants another version of Terrane";
        help: "Run the version that the configuration asks for, or change required_version";
    MODULE_NOT_FOUND: error "module-not-found" => "The folder of a module is not there";
        help: "source is a path that starts with ./ or ../, seen from the file that calls";
    WRONG_MODULE_SOURCE: error "wrong-module-source" => "This is no source of a module";
        help: "Write a path, ./FOLDER, or a repository, git::https://HOST/PATH.git//FOLDER?ref=TAG";
    MODULE_NOT_INSTALLED: error "module-not-installed" => "A module was not fetched yet";
        help: "Run `terrane init`";
    MODULE_ALTERED: error "module-altered" => "A fetched module is not what was locked";
        help: "Run `terrane init`, which fetches it anew; changes belong into its repository";
    MODULE_CYCLE: error "module-cycle" => "A module calls itself";
        help: "Take the call out, or move what both need into a third module";

    // Blocks, labels, arguments.
    UNKNOWN_BLOCK: error "unknown-block" => "There is no block of this kind here";
        help: "Top-level blocks are terrane, provider, variable, locals, resource, data, module, output, import, moved, removed and check";
    WRONG_LABELS: error "wrong-labels" => "A block has the wrong number of labels";
        help: "resource and data take a type and a name, provider, variable, module, output and check a name, others none";
    INVALID_NAME: error "invalid-name" => "This is no name";
        help: "A name starts with a letter or underscore and goes on with letters, digits, underscores and dashes";
    DUPLICATE_DECLARATION: error "duplicate-declaration" => "Two declarations have the same name";
        help: "Rename or remove one of them";
    UNKNOWN_ARGUMENT: error "unknown-argument" => "There is no argument of this name here";
        help: "The reference page of the block lists its arguments";
    MISSING_ARGUMENT: error "missing-argument" => "A required argument is missing";
        help: "Write the argument";
    DUPLICATE_BLOCK: error "duplicate-block" => "A block stands twice where one is allowed";
        help: "Join the blocks into one";
    BLOCK_NOT_ARGUMENT: error "block-not-argument" => "A block is written as an argument";
        help: "Write name { .. } without the equals sign";
    ARGUMENT_NOT_BLOCK: error "argument-not-block" => "An argument is written as a block";
        help: "Write name = value";
    COMPUTED_ARGUMENT: error "computed-argument" => "This attribute is set by the remote side";
        help: "Remove the argument; refer to the attribute where its value is needed";
    WRONG_TYPE: error "wrong-type" => "A value has the wrong type";
        help: "Give a value of the wanted type";
    INVALID_TYPE: error "invalid-type" => "This is no type";
        help: "Types are string, number, bool, any, list(..), set(..), map(..), tuple([..]) and object({..})";
    CONSTANT_WANTED: error "constant-wanted" => "This setting is read before anything is evaluated";
        help: "Write a constant value";
    KNOWN_TOO_LATE: error "known-too-late" => "This is read before the state, and its value comes later";
        help: "Use literals, functions, variables of the root module, and local values made of those";
    UNKNOWN_BACKEND: error "unknown-backend" => "There is no such kind of backend";
        help: "The kinds are local, s3, gcs, azurerm, oss, cos, pg and http";
    WRONG_SETTING: error "wrong-setting" => "A setting has a value it cannot have";
        help: "The reference page of the block lists the values";
    UNKNOWN_TYPE: error "unknown-type" => "There is no resource type of this name";
        help: "The reference lists the resource types and data sources";
    UNKNOWN_PROVIDER: error "unknown-provider" => "There is no such provider";
        help: "The reference lists the providers; a configuration with an alias needs a provider block";
    ADDRESS_WANTED: error "address-wanted" => "An address stands here";
        help: "Write type.name, type.name[key] or module.name, without quotes";
    IMPORT_IN_MODULE: error "import-in-module" => "An import stands in a module";
        help: "Write the block in the root module; its address may lead into modules";
    MOVE_SOURCE_DECLARED: error "move-source-declared" => "What a moved block moves away is still declared";
        help: "Remove or rename the old block, or remove the moved block";
    MOVE_AMBIGUOUS: error "move-ambiguous" => "Two moved blocks contradict each other";
        help: "Keep the one that tells what became of the objects";
    MOVE_CYCLE: error "move-cycle" => "Moved blocks lead back to where they begin";
        help: "Remove the moved blocks that are not true any more";
    MOVE_TYPE_CHANGED: error "move-type-changed" => "A moved block leads to an address of another kind";
        help: "A resource moves to a resource of the same type, a module to a module; use removed and import for all else";
    REMOVED_STILL_DECLARED: error "removed-still-declared" => "What a removed block removes is still declared";
        help: "Remove the block that declares it, or the removed block";
    OVERRIDE_WITHOUT_BASE: error "override-without-base" => "An override has nothing to override";
        help: "Write the block in a file that is no override, or correct its labels";
    OVERRIDE_REFUSED: error "override-refused" => "This cannot be overridden";
        help: "Write it in a file that is no override";
    COUNT_AND_FOR_EACH: error "count-and-for-each" => "A block has both count and for_each";
        help: "Keep one of them";

    // Names.
    UNKNOWN_NAME: error "unknown-name" => "Nothing of this name is declared";
        help: "Declare it, or correct the name";
    UNKNOWN_FUNCTION: error "unknown-function" => "There is no function of this name";
        help: "The reference lists the functions";
    WRONG_ARGUMENT_COUNT: error "wrong-argument-count" => "A function gets the wrong number of arguments";
        help: "The reference shows what the function takes";
    OUT_OF_PLACE: error "out-of-place" => "A name is used where it has no value";
        help: "each needs for_each, count.index needs count, self needs a postcondition";
    MISSING_INSTANCE_KEY: error "missing-instance-key" => "The block has many instances, and none is named";
        help: "Name one with [key], or take all with [*] or a for expression";
    UNEXPECTED_INSTANCE_KEY: error "unexpected-instance-key" => "The block has one instance, so there is no key";
        help: "Remove the key, or give the block count or for_each";
    REFERENCE_CYCLE: error "reference-cycle" => "Declarations refer to each other in a circle";
        help: "Break the circle: one of them has to do without the others";
    DUPLICATE_KEY: warning "duplicate-key" => "A key stands twice in one object";
        help: "The last value stands; remove the other";

    // Values.
    WRONG_OPERAND: error "wrong-operand" => "An operand does not fit";
        help: "Give a value of the wanted type, or convert it with tostring, tonumber or tobool";
    NULL_VALUE: error "null-value" => "A null value stands where a value is needed";
        help: "Give a value, or use coalesce(..) or a condition to replace null";
    DIVISION_BY_ZERO: error "division-by-zero" => "A number is divided by zero";
        help: "Check the divisor first: d == 0 ? 0 : n / d";
    CONDITIONAL_TYPES: error "conditional-types" => "The arms of a conditional have no common type";
        help: "Give both arms the same type, or one of them null";
    NO_TEXT_FORM: error "no-text-form" => "A value has no text form";
        help: "Use join(..) or jsonencode(..) to make a text of it";
    NO_SUCH_ATTRIBUTE: error "no-such-attribute" => "There is no attribute of this name";
        help: "The reference page of the type lists its attributes";
    NO_SUCH_KEY: error "no-such-key" => "There is no element of this key";
        help: "Use lookup(map, key, default) or contains(keys(map), key) where the key may be missing";
    INDEX_OUT_OF_RANGE: error "index-out-of-range" => "There is no element at this position";
        help: "Positions start at 0; length(..) is one more than the last";
    NO_SUCH_INSTANCE: error "no-such-instance" => "There is no instance of this key";
        help: "Keys are those of for_each, or 0 to count - 1";
    NOT_A_COLLECTION: error "not-a-collection" => "The value has no elements";
        help: "Give a list, set, tuple, map or object";
    DUPLICATE_FOR_KEY: error "duplicate-for-key" => "A for expression makes the same key twice";
        help: "Write ... after the value to gather the values of each key, or make the keys distinct";
    UNKNOWN_KEY: error "unknown-key" => "A key is not known while planning";
        help: "Use a key that the configuration gives, such as a name";
    WRONG_FUNCTION_ARGUMENT: error "wrong-function-argument" => "A function cannot take this argument";
        help: "The reference shows what the function takes";
    FUNCTION_FAILED: error "function-failed" => "A function has no result";
        help: "Correct its arguments, or catch the error with try(..)";
    COUNT_INVALID: error "count-invalid" => "`count` is no whole number from 0";
        help: "Use a whole number";
    FOR_EACH_INVALID: error "for-each-invalid" => "`for_each` is neither a map nor a set of strings";
        help: "Use a map, or `toset([..])` of strings";
    KEYS_SENSITIVE: error "keys-sensitive" => "A sensitive value would show in the keys of instances";
        help: "Take the keys from a value that is no secret";
    SECRET_IN_PLAIN_ARGUMENT: error "secret-in-plain-argument" => "A secret stands in an argument that is not secret";
        help: "Give a value that is not secret, or wrap it in nonsensitive(..) when it may be seen";
    BROKEN_RESIDUAL: error "broken-residual" => "A stored expression cannot be computed, which is a bug in Terrane";
        help: "Report it with the id broken-residual";

    // Variables.
    NO_VALUE_FOR_VARIABLE: error "no-value-for-variable" => "A variable has no value";
        help: "Give one with -var, in a variables file or as TERRANE_VAR_name, or write a default";
    UNDECLARED_VARIABLE: error "undeclared-variable" => "A value is given for a variable that is not declared";
        help: "Declare the variable or leave the value out";
    UNDECLARED_IN_FILE: warning "undeclared-in-file" => "A variables file gives a value that is not declared";
        help: "Declare the variable or remove the line";
    WRONG_VARIABLE_FLAG: error "wrong-variable-flag" => "This is not how a variable is given";
        help: "Write -var 'name=value'";
    WRONG_VARIABLES_FILE: error "wrong-variables-file" => "A variables file cannot be used";
        help: "Check that the file is there and holds name = value lines in UTF-8, or one JSON object where its name ends in .json";
    VALIDATION_FAILED: error "validation-failed" => "A variable has a value that its validation refuses";
        help: "Give a value that meets the condition";
    CONDITION_FAILED: error "condition-failed" => "A condition of the configuration does not hold";
        help: "Change what the message names, or correct the condition";
    CHECK_FAILED: warning "check-failed" => "A check does not hold";
        help: "Look at what the message names; a check never stops a run";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kebab_case_and_distinct() {
        let mut ids: Vec<&str> = ALL.iter().map(|kind| kind.id).collect();
        assert!(ids.iter().all(|id| id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
    }
}
