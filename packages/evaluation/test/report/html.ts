/** HTML as a test looks at it; the compiler knows no browser. */
import { parseHTML } from 'linkedom';

interface Html {
  readonly textContent: string;
  readonly innerHTML: string;
  getAttribute(name: string): string | null;
  querySelector(selector: string): Html | null;
  querySelectorAll(selector: string): Html[];
}

export interface HtmlDocument extends Html {
  getElementById(id: string): Html | null;
}

export const parse = (html: string): HtmlDocument =>
  (parseHTML(html) as { document: unknown }).document as HtmlDocument;
