/** One photograph: the picture with its quality map and its faces, and all figures. */
import { byId, element, svg } from './dom.js';
import { shown, verdictOf } from './scale.js';
import * as server from './server.js';

/** The item that is shown. */
let current;
/** The photograph and its neighbours, in the order of the gallery. */
let order = [];
/** URLs to give back, and calls to end, when another item is shown. */
let urls = [];
let calls = new AbortController();

const dialog = byId('details');
const showMap = byId('show-map');
const opacity = byId('opacity');
const showBoxes = byId('show-boxes');

/** Shows an item; `items` are those to go on to. */
export function open(item, items) {
  order = items;
  show(item);
  if (!dialog.open) dialog.showModal();
}

function show(item) {
  forget();
  current = item;
  byId('details-title').textContent = item.name;
  const index = order.indexOf(item);
  byId('previous').disabled = index <= 0;
  byId('next').disabled = index >= order.length - 1;
  byId('facts').replaceChildren(...facts(item));
  drawPicture(item);
  void drawMap();
}

function forget() {
  calls.abort();
  calls = new AbortController();
  for (const url of urls) URL.revokeObjectURL(url);
  urls = [];
  current = undefined;
}

function urlOf(blob) {
  const url = URL.createObjectURL(blob);
  urls.push(url);
  return url;
}

function drawPicture({ file, name, record }) {
  const picture = element('div', { class: 'picture', id: 'picture' });
  const image = element('img', { alt: name, src: urlOf(file) });
  const found = record.faces?.faces ?? [];
  byId('show-boxes-label').hidden = found.length === 0;
  image.addEventListener('load', () => {
    if (found.length > 0) picture.append(boxes(found, image));
  });
  image.addEventListener('error', () => {
    image.replaceWith(element('p', {}, 'The browser cannot show this format.'));
  });
  picture.append(image);
  byId('stage').replaceChildren(picture);
}

function boxes(faces, { naturalWidth, naturalHeight }) {
  const rectangles = faces.map(({ box, score }, index) => {
    const { x, y, width, height } = box;
    const title = svg('title', {});
    title.textContent = `Face ${index + 1}${score === null ? '' : `: ${shown(score)}`}`;
    return svg('rect', { x, y, width, height }, title);
  });
  const over = svg(
    'svg',
    { class: 'over', id: 'boxes', viewBox: `0 0 ${naturalWidth} ${naturalHeight}`, 'aria-hidden': 'true' },
    ...rectangles,
  );
  over.style.display = showBoxes.checked ? '' : 'none';
  return over;
}

/** Fetches the map when it is first asked for. */
async function drawMap() {
  const item = current;
  const wanted = showMap.checked && item !== undefined;
  byId('opacity-label').hidden = !wanted;
  byId('legend').hidden = !wanted;
  byId('map')?.remove();
  const status = byId('map-status');
  status.textContent = '';
  if (!wanted) return;
  const { minimum, maximum } = item.scale;
  byId('legend-low').textContent = String(minimum);
  byId('legend-high').textContent = String(maximum);
  try {
    if (item.map === undefined) {
      status.textContent = 'The map is being computed …';
      item.map = await server.map(item.file, item, calls.signal);
    }
    if (item !== current || !showMap.checked) return;
    status.textContent = '';
    const image = element('img', { class: 'over', id: 'map', alt: 'Quality map', src: urlOf(item.map) });
    image.style.opacity = String(opacity.value / 100);
    byId('map')?.remove();
    const picture = byId('picture');
    // Without a picture of its own below, the map is the picture.
    if (picture.querySelector('img') === null) image.classList.remove('over');
    picture.querySelector('img, p')?.after(image);
  } catch (error) {
    if (item === current) status.textContent = `There is no map: ${error.message}`;
  }
}

function facts({ record, scale, model, name }) {
  const { score, standardError, spread, crops, width, height, warnings, faces } = record;
  const { word, meaning } = verdictOf(score, scale);
  const rows = [
    ['File', name],
    ['Size', `${width} × ${height} pixels`],
    ['Patches', String(crops.length)],
    ...(spread === null ? [] : [['Spread', `${shown(spread)} between patches`]]),
    ...(standardError === null ? [] : [['Standard error', standardError.toFixed(2)]]),
    ...(model === undefined ? [] : [['Model', model]]),
  ];
  return [
    element('div', {}, element('span', { class: 'score' }, shown(score)), element('span', { class: 'verdict' }, word)),
    element('p', {}, `On a scale from ${scale.minimum} to ${scale.maximum}. ${meaning}`),
    element('dl', {}, ...rows.flatMap(([term, value]) => [element('dt', {}, term), element('dd', {}, value)])),
    ...(faces === undefined ? [] : faceFacts(faces, scale)),
    ...(warnings.length === 0
      ? []
      : [element('h3', {}, 'Notes'), element('ul', {}, ...warnings.map(({ message }) => element('li', {}, message)))]),
  ];
}

function faceFacts({ faces }, scale) {
  if (faces.length === 0) return [element('h3', {}, 'Faces'), element('p', {}, 'None was found.')];
  const items = faces.map(({ score, enlarged }) =>
    element(
      'li',
      {},
      score === null
        ? 'not scored'
        : `${shown(score)} ${verdictOf(score, scale).word}${enlarged ? ' (small: enlarged)' : ''}`,
    ),
  );
  return [element('h3', {}, 'Faces, the largest first'), element('ol', {}, ...items)];
}

function step(by) {
  const next = order[order.indexOf(current) + by];
  if (next !== undefined) show(next);
}

/** Connects the dialog; called once. */
export function connect() {
  byId('close').addEventListener('click', () => dialog.close());
  byId('previous').addEventListener('click', () => step(-1));
  byId('next').addEventListener('click', () => step(1));
  dialog.addEventListener('close', () => {
    const { place } = current ?? {};
    forget();
    byId('stage').replaceChildren();
    place?.querySelector('button')?.focus();
  });
  // A click outside of the content is one on the dialog itself: its backdrop.
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener('keydown', (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === 'range') return;
    if (event.key === 'ArrowLeft') step(-1);
    if (event.key === 'ArrowRight') step(1);
  });
  showMap.addEventListener('change', () => void drawMap());
  opacity.addEventListener('input', () => {
    const map = byId('map');
    if (map) map.style.opacity = String(opacity.value / 100);
  });
  showBoxes.addEventListener('change', () => {
    const over = byId('boxes');
    if (over) over.style.display = showBoxes.checked ? '' : 'none';
  });
}
