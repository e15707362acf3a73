// Links of packed documentation: what they lead to must be in the package, or on the web.
import { posix } from 'node:path';

/** Inline links and pictures of Markdown: `[text](target)`. No page here has brackets in either. */
const LINK = /(!?)\[([^\]]*)\]\(([^)\s]+)\)/g;

/**
 * A page as it is packed. Links to files that are not in the package lead to the repository where its address is known, and
 * are else only their text.
 *
 * @param {string} text of the page
 * @param {string} page its path in the package, with /
 * @param {Set<string>} packed paths of all files of the package
 * @param {string} [repository] address that a path of the repository can be put behind, without / at its end
 */
export function packedLinks(text, page, packed, repository) {
  return text.replace(LINK, (link, picture, words, target) => {
    const path = targetInside(target, page);
    if (path === null || isThere(path, packed)) return link;
    return repository === undefined ? words : `${picture}[${words}](${repository}/${path})`;
  });
}

/** @returns {string[]} targets of a page that are neither in the package nor on the web */
export function deadLinks(text, page, packed) {
  return [...text.matchAll(LINK)]
    .map(([, , , target]) => target)
    .filter((target) => {
      const path = targetInside(target, page);
      return path !== null && !isThere(path, packed);
    });
}

/** The path from the package's root that a relative link means, or null for an address or a place on the same page. */
function targetInside(target, page) {
  if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target.startsWith('#')) return null;
  return posix.join(posix.dirname(page), target.replace(/#.*$/, ''));
}

function isThere(path, packed) {
  return packed.has(path) || [...packed].some((file) => file.startsWith(`${path.replace(/\/$/, '')}/`));
}
