/** Thrown to end the counting; its text says what is missing. */
export class Missing extends Error {}
