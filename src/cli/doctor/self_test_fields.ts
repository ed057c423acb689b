/** Fields of the answers of `portd doctor --self-test`, apart from it: it loads much. */

/** Of the report. */
export const REPORT_FIELDS = ["version", "os", "release", "arch", "deno", "isCompiled", "items"] as const;

/** Of `--cleanup`. */
export const CLEANUP_FIELDS = ["removals"] as const;

/** Of both. */
export const SELF_TEST_FIELDS = [...REPORT_FIELDS, ...CLEANUP_FIELDS] as const;
