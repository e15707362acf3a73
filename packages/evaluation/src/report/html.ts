/** HTML and SVG in which text cannot become markup: only the tag makes markup, and it escapes every text put into it. */

/** Markup that came from the tag, or from a source that writes markup itself. */
export class Markup {
  /** @param text - Trusted: put into pages as it is. Texts from tables go through the tag. */
  constructor(readonly text: string) {}

  toString(): string {
    return this.text;
  }
}

/** Value in a template: markup is kept, text and numbers are escaped, lists are joined, other values are empty. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[];

/**
 * Markup from a template: html`<p title="${text}">${text}</p>`. Escaped text is safe between tags and in quoted attributes; a
 * value anywhere else in a tag, or in a script or style element, is refused.
 *
 * @throws TypeError where a template puts a value without quotes into a tag, or puts text into a script or style element
 */
export function html(template: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const { strings, places } = placesOf(template);
  let text = strings[0] ?? '';
  for (const [i, value] of values.entries()) {
    if (places[i] === 'raw' && !(value instanceof Markup))
      throw new TypeError('Text cannot stand in a script or style.');
    text += written(value) + (strings[i + 1] ?? '');
  }
  return new Markup(text);
}

/** A value as JSON, for a script element of type application/json: without `<`, which could end the element. */
export const jsonMarkup = (value: unknown): Markup => new Markup(JSON.stringify(value).replace(/</g, '\\u003c'));

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

function written(value: Content): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string') return escape(value);
  if (typeof value === 'number') return String(value);
  return value ? value.map(written).join('') : '';
}

/** Position of a value: in text or a quoted attribute, or as the content of a script or style element. */
type Place = 'escaped' | 'raw';

const known = new WeakMap<TemplateStringsArray, { strings: readonly string[]; places: readonly Place[] }>();

function placesOf(template: TemplateStringsArray): { strings: readonly string[]; places: readonly Place[] } {
  const found = known.get(template);
  if (found) return found;
  let before = '';
  const places = template.slice(0, -1).map((part) => {
    before += part;
    const place = placeAfter(before);
    // A letter in place of the value tells the places after it that text stands there.
    before += 'x';
    return place;
  });
  const made = { strings: template, places };
  known.set(template, made);
  return made;
}

function placeAfter(markup: string): Place {
  // A tag that is whole ends with > outside of quotes.
  const rest = markup.replace(/<!?[a-z/](?:"[^"]*"|[^">])*>/gi, (tag) =>
    /^<\/?(?:script|style)\b/i.test(tag) ? tag : '',
  );
  const raw = /<(script|style)\b(?:"[^"]*"|[^">])*>(?![\s\S]*<\/\1>)/i.test(rest);
  if (raw) return 'raw';
  const open = /<[a-z/][^>]*$/i.exec(rest.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, ''))?.[0];
  if (open !== undefined && (open.match(/"/g) ?? []).length % 2 === 0) {
    throw new TypeError(`A value in a tag must stand in double quotes: ${open.slice(0, 60)}`);
  }
  return 'escaped';
}
