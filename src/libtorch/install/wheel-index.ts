/** A Python package index ("simple repository", PEP 503 and PEP 691): which files it has of a project. */
import { Parser } from 'htmlparser2';

import { failure, shown } from './failures.js';
import { parseWheelName, normalised, type WheelName } from './wheel-name.js';
import type { Web } from './web.js';

export interface IndexFile {
  file: string;
  name: WheelName;
  url: URL;
  /** As the index says; undefined where it does not. */
  sha256: string | undefined;
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';
const ACCEPT = `${JSON_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1`;
const SHA256 = /^[0-9a-f]{64}$/i;

/**
 * The wheels of a project, without those that were withdrawn ("yanked").
 *
 * @param index Address of the index: the one that has a page for each project below it.
 * @throws HyperIQAError ERR_RUNTIME_DOWNLOAD, ERR_RUNTIME_SOURCE where the answer is no index page
 */
export async function wheelsOnIndex(web: Web, index: URL, project: string, signal?: AbortSignal): Promise<IndexFile[]> {
  const base = new URL(index);
  base.pathname = `${base.pathname.replace(/\/+$/, '')}/${normalised(project)}/`;
  const page = await web.page(base, ACCEPT, signal);
  const links = page.type.includes('json') ? fromJson(page.text) : fromHtml(page.text);
  if (links === undefined) {
    throw failure('ERR_RUNTIME_SOURCE', `${shown(base)} is no page of a Python package index (PEP 503 or PEP 691).`);
  }
  return links.flatMap(({ file, href, sha256 }) => {
    const name = parseWheelName(file);
    if (name?.project !== normalised(project) || !URL.canParse(href, page.address.href)) return [];
    const url = new URL(href, page.address);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return [];
    // Files of a private index want the same name and password; those of another host must not get them.
    if (url.origin === index.origin && url.username === '') {
      url.username = index.username;
      url.password = index.password;
    }
    return [
      { file, name, url, sha256: sha256 !== undefined && SHA256.test(sha256) ? sha256.toLowerCase() : undefined },
    ];
  });
}

interface Link {
  file: string;
  href: string;
  sha256: string | undefined;
}

/** PEP 691: `{"files": [{"filename", "url", "hashes": {"sha256"}, "yanked"}]}`. */
function fromJson(text: string): Link[] | undefined {
  let page: unknown;
  try {
    page = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { files } = (page ?? {}) as { files?: unknown };
  if (!Array.isArray(files)) return undefined;
  return files.flatMap((entry: unknown) => {
    const { filename, url, hashes, yanked } = (entry ?? {}) as Record<string, unknown>;
    if (typeof filename !== 'string' || typeof url !== 'string' || (yanked !== undefined && yanked !== false))
      return [];
    const { sha256 } = (hashes ?? {}) as { sha256?: unknown };
    return [{ file: filename, href: url, sha256: typeof sha256 === 'string' ? sha256 : undefined }];
  });
}

/** PEP 503: an anchor for each file, with its name as text and its hash behind `#`. */
function fromHtml(text: string): Link[] | undefined {
  const links: Link[] = [];
  const seen: { page: boolean; link?: { href: string; text: string } | undefined } = { page: false };
  const parser = new Parser({
    onopentag(tag, { href, ...others }) {
      if (tag === 'html' || tag === 'body' || tag === 'a') seen.page = true;
      if (tag === 'a' && href !== undefined && !('data-yanked' in others)) seen.link = { href, text: '' };
    },
    ontext(part) {
      if (seen.link) seen.link.text += part;
    },
    onclosetag(tag) {
      const { link } = seen;
      if (tag !== 'a' || !link) return;
      const [href = '', fragment = ''] = link.href.split('#');
      links.push({ file: link.text.trim(), href, sha256: /(?:^|&)sha256=([0-9a-fA-F]+)/.exec(fragment)?.[1] });
      seen.link = undefined;
    },
  });
  parser.end(text);
  return seen.page ? links : undefined;
}
