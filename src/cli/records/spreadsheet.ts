/** Text in tables that are opened with a spreadsheet. */

/**
 * Text that a spreadsheet does not take for a formula: an apostrophe goes before `=`, `+`, `-`, `@`, tab and carriage
 * return. File names come from anywhere, and opening a table must not run them. Numbers are left alone.
 */
export const inert = (text: string) => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text);
