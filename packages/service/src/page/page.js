/** The page: photographs in by choosing, dropping and pasting; scored a few at a time; out as a gallery and as CSV. */
import { toCsv } from './csv.js';
import * as details from './details.js';
import { byId, element } from './dom.js';
import * as gallery from './gallery.js';
import { explained } from './scale.js';
import * as server from './server.js';
import { thumbnail } from './thumbnail.js';

/** Photographs under way at a time: enough to keep a server busy, few enough to leave room for others. */
const AT_ONCE = 3;

/** @type {import('./gallery.js').Item[]} */
let items = [];
/** Items that have not been sent yet. */
let line = [];
let running = 0;
let added = 0;
/** Models, faces and limits of the server, once it has answered. */
let offered;

const drop = byId('drop');
const choice = byId('files');

async function start() {
  try {
    offered = await server.info();
  } catch (error) {
    if (error instanceof server.TokenNeeded) return askForToken();
    say(error.message);
    return;
  }
  byId('access').hidden = true;
  byId('with-faces').hidden = !offered.faces;
  byId('docs').hidden = !offered.docs;
  byId('models').hidden = offered.models.length < 2;
  byId('model').replaceChildren(...offered.models.map(({ name }) => element('option', { value: name }, name)));
  describe();
  next();
}

function askForToken() {
  const form = byId('access');
  byId('access-told').textContent = form.hidden ? '' : 'This token is not accepted.';
  form.hidden = false;
  byId('token').focus();
}

const chosenModel = () => offered.models.find(({ name }) => name === byId('model').value) ?? offered.models[0];

function describe() {
  const { score } = chosenModel();
  if (score !== null) byId('scale').textContent = explained(score);
}

const say = (text) => {
  byId('status').textContent = text;
};

/** @param {Iterable<File>} files */
function add(files) {
  for (const file of files) {
    const item = {
      index: added++,
      file,
      name: file.name || `pasted image ${added}`,
      work: new AbortController(),
      scale: {},
    };
    items.push(item);
    line.push(item);
    gallery.draw(item, open);
  }
  arrange();
  next();
}

function arrange() {
  byId('results').hidden = items.length === 0;
  gallery.arrange(items);
}

/** Works on the next photographs, as far as there is room. */
function next() {
  tellProgress();
  while (offered !== undefined && running < AT_ONCE && line.length > 0) {
    running++;
    void work(line.shift()).finally(() => {
      running--;
      next();
    });
  }
}

async function work(item) {
  const model = chosenModel();
  item.model = offered.models.length > 1 ? model.name : undefined;
  const asked = { model: item.model, faces: offered.faces && byId('faces').checked };
  thumbnail(item.file).then((url) => {
    item.thumbnail = url;
    if (items.includes(item)) gallery.draw(item, open);
  });
  try {
    const { bodyBytes } = offered.limits;
    if (item.file.size > bodyBytes) throw new Error(`The file is larger than ${Math.floor(bodyBytes / 2 ** 20)} MiB.`);
    item.record = await server.score(item.file, asked, item.work.signal);
    item.scale = model.score ?? (await server.info()).models.find(({ name }) => name === model.name).score;
  } catch (error) {
    if (error instanceof server.TokenNeeded) {
      offered = undefined;
      line.unshift(item);
      askForToken();
      return;
    }
    item.record = { file: item.name, error: { code: 'ERR_PAGE', message: messageOf(error) } };
  }
  if (!items.includes(item)) return;
  gallery.draw(item, open);
  arrange();
}

const messageOf = (error) => (error instanceof TypeError ? 'The server cannot be reached.' : error.message);

function tellProgress() {
  const done = items.filter(({ record }) => record !== undefined);
  const failed = done.filter(({ record }) => record.score === undefined).length;
  const failures = failed === 0 ? '' : `, ${failed} without a score`;
  if (items.length === 0) say('');
  else say(`${done.length} of ${items.length} photograph${items.length === 1 ? '' : 's'} done${failures}.`);
}

function open(item) {
  details.open(
    item,
    gallery.sorted(items).filter(({ record }) => record?.score !== undefined),
  );
}

function download() {
  const records = gallery.sorted(items).flatMap(({ record }) => record ?? []);
  const url = URL.createObjectURL(new Blob([toCsv(records)], { type: 'text/csv' }));
  element('a', { href: url, download: 'scores.csv' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

function clear() {
  for (const { work: underWay, thumbnail: url } of items) {
    underWay.abort();
    if (url !== undefined) URL.revokeObjectURL(url);
  }
  items = [];
  line = [];
  byId('gallery').replaceChildren();
  arrange();
  tellProgress();
  choice.focus();
}

choice.addEventListener('change', () => {
  add(choice.files);
  // The same files may be chosen again.
  choice.value = '';
});
for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) {
  document.addEventListener(type, (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    drop.classList.toggle('over', type === 'dragenter' || type === 'dragover');
    if (type === 'drop') add(event.dataTransfer.files);
  });
}
document.addEventListener('paste', (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (files.length > 0) add(files);
});
byId('model').addEventListener('change', describe);
byId('sort').addEventListener('change', () => gallery.arrange(items));
byId('csv').addEventListener('click', download);
byId('clear').addEventListener('click', clear);
byId('access').addEventListener('submit', (event) => {
  event.preventDefault();
  server.useToken(byId('token').value.trim());
  void start();
});
details.connect();
void start();
