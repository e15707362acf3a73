/** The gallery: a card for each photograph, sorted. */
import { byId, element } from './dom.js';
import { shareOf, shown, verdictOf } from './scale.js';

/**
 * @typedef {object} Item
 * @property {number} index - Order in which it was added.
 * @property {File} file
 * @property {string} name
 * @property {object} scale - Of the model that scores it.
 * @property {string | undefined} model
 * @property {AbortController} work
 * @property {object} [record] - As soon as it is there.
 * @property {string} [thumbnail]
 * @property {HTMLLIElement} [place]
 */

const ORDERS = {
  added: (a, b) => a.index - b.index,
  best: (a, b) => rank(b) - rank(a) || a.index - b.index,
  worst: (a, b) => worstRank(a) - worstRank(b) || a.index - b.index,
  name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) || a.index - b.index,
};

/** Photographs without a score come last, whatever the order. */
const rank = ({ record, scale }) => (record?.score === undefined ? -1 : shareOf(record.score, scale));
const worstRank = (item) => (item.record?.score === undefined ? 2 : rank(item));

/** The items in the order that is chosen. */
export const sorted = (items) => [...items].sort(ORDERS[byId('sort').value]);

/** Puts the cards in order. Those that stay where they are are not touched, so that the focus stays, too. */
export function arrange(items) {
  const list = byId('gallery');
  sorted(items).forEach(({ place }, index) => {
    if (list.children[index] !== place) list.insertBefore(place, list.children[index] ?? null);
  });
}

/** Makes the card of an item anew. */
export function draw(item, open) {
  const { record, thumbnail, name, scale } = item;
  const picture = element('span', { class: 'thumb' });
  if (thumbnail === undefined) picture.append(record === undefined ? '' : 'no preview');
  else picture.append(element('img', { src: thumbnail, alt: '' }));
  const text = element('span', { class: 'card-text' }, element('span', { class: 'name', title: name }, name));
  if (record === undefined) {
    text.append(element('span', {}, 'is being scored …'));
  } else if (record.score === undefined) {
    text.append(element('span', { class: 'failed', title: record.error.message }, record.error.message));
  } else {
    const bar = element('span');
    bar.style.inlineSize = `${100 * shareOf(record.score, scale)}%`;
    text.append(
      element('span', { class: 'score' }, shown(record.score)),
      element('span', { class: 'verdict' }, verdictOf(record.score, scale).word),
      element('span', { class: 'meter', 'aria-hidden': 'true' }, bar),
    );
  }
  const old = item.place?.firstChild;
  const card = element(
    'button',
    { class: 'card', type: 'button', disabled: record?.score === undefined },
    picture,
    text,
  );
  card.addEventListener('click', () => open(item));
  item.place ??= element('li');
  const focused = old !== undefined && old === document.activeElement;
  item.place.replaceChildren(card);
  if (focused) card.focus();
}
