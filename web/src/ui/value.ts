/** A value as a text: texts as they are, everything else as JSON. */
export const valueText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
