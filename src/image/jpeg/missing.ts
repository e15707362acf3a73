/** Ends the counting: the text says what is missing. */
export class Missing extends Error {}
