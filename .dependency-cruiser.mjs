// The rooms of src and of the packages, and the arrows between them (docs/architecture.md). `npm run check` refuses any other arrow.

/** Lists the rooms that each room may use: rooms above it only, so without cycles. All may use src/errors.ts and src/types.ts. */
const ROOMS = {
  support: [],
  files: ['support'],
  image: ['support'],
  protocol: ['support'],
  libtorch: ['support', 'files'],
  locks: ['support', 'files', 'libtorch'],
  'model-file': ['support', 'files', 'libtorch'],
  intake: ['support', 'image', 'protocol'],
  scoring: ['support', 'files', 'image', 'protocol', 'intake', 'libtorch', 'model-file'],
  faces: ['support', 'files', 'image', 'protocol', 'intake', 'libtorch', 'model-file', 'scoring'],
  maps: ['support', 'image', 'protocol', 'intake', 'scoring'],
  models: ['support', 'files', 'model-file', 'scoring'],
  export: ['support', 'files', 'model-file', 'scoring'],
  doctor: ['support', 'files', 'image', 'libtorch', 'model-file', 'scoring'],
  runtime: ['support', 'libtorch', 'doctor'],
};

/** The rooms of packages, likewise; what they need of hyperiqa they import by its name. */
const PACKAGES = {
  'packages/evaluation/src': {
    metrics: [],
    evaluation: ['metrics'],
    report: ['metrics', 'evaluation'],
    commands: ['metrics', 'evaluation', 'report'],
  },
  'packages/results/src': {
    table: [],
    formats: ['table'],
    sorting: [],
    merge: ['table', 'formats', 'sorting'],
    commands: ['merge'],
  },
  'packages/queue/src': {
    support: [],
    storage: [],
    settings: ['storage'],
    ledger: ['settings'],
    enqueue: ['support', 'storage', 'settings', 'ledger'],
    worker: ['support', 'storage', 'settings', 'ledger'],
    operations: ['settings', 'ledger'],
    commands: ['storage', 'settings', 'enqueue', 'worker', 'operations'],
  },
  'packages/service/src': {
    remote: [],
    settings: ['remote'],
    intake: ['remote', 'settings'],
    service: ['remote', 'settings', 'intake'],
    api: ['settings'],
    routes: ['settings', 'intake', 'service', 'api'],
    server: ['settings', 'intake', 'routes'],
    commands: ['settings', 'server'],
  },
};

/** The command line uses the public entries, and of the rooms these alone. */
const CLI = ['support', 'files', 'locks'];
const ENTRIES = '^src/((index|add-on|errors)|(faces|maps|models|export|runtime)/index)\\.ts$';

const names = Object.keys(ROOMS);
for (const rooms of [ROOMS, ...Object.values(PACKAGES)]) {
  for (const [position, [name, allowed]] of Object.entries(rooms).entries()) {
    const wrong = allowed.find((other) => !Object.keys(rooms).slice(0, position).includes(other));
    if (wrong !== undefined) throw new Error(`${name} may not use ${wrong}, which stands below it in this file`);
  }
}

const room = (name) => `^src/${name}/`;
const COMMON = '^src/(errors|types)\\.ts$';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-cycles-of-files',
      severity: 'error',
      from: { path: '^(src|packages)/' },
      to: { circular: true },
    },
    ...Object.entries(ROOMS).map(([name, allowed]) => ({
      name: `arrows-of-${name}`,
      comment: `${name} uses ${['errors.ts', 'types.ts', ...allowed].join(', ')} and no other room (.dependency-cruiser.mjs).`,
      severity: 'error',
      from: { path: room(name) },
      to: { path: '^src/', pathNot: [COMMON, room(name), ...allowed.map(room)] },
    })),
    ...Object.entries(PACKAGES).flatMap(([folder, rooms]) =>
      Object.entries(rooms).map(([name, allowed]) => ({
        name: `arrows-of-${folder.split('/')[1]}-${name}`,
        severity: 'error',
        from: { path: `^${folder}/${name}/` },
        to: {
          path: `^${folder}/`,
          pathNot: [`^${folder}/errors\\.ts$`, ...[name, ...allowed].map((other) => `^${folder}/${other}/`)],
        },
      })),
    ),
    {
      name: 'metrics-run-in-a-browser',
      comment: 'The figures use nothing of Node.js and nothing of hyperiqa, so that they can be bundled for a browser.',
      severity: 'error',
      from: { path: '^packages/evaluation/src/metrics/' },
      to: { path: ['^node:', '^src/'], dependencyTypes: ['core', 'local', 'aliased'] },
    },
    {
      name: 'arrows-of-cli',
      comment: `cli uses the public entries, ${CLI.join(', ')}; what it needs beyond them belongs into the public API.`,
      severity: 'error',
      from: { path: room('cli') },
      to: { path: '^src/', pathNot: [ENTRIES, room('cli'), ...CLI.map(room)] },
    },
    {
      name: 'no-arrow-to-cli',
      comment: 'The library knows nothing of its command line.',
      severity: 'error',
      from: { path: '^src/', pathNot: [room('cli'), ENTRIES] },
      to: { path: room('cli') },
    },
    {
      name: 'no-unlisted-room',
      comment: 'A new folder of src needs its line in .dependency-cruiser.mjs.',
      severity: 'error',
      from: { path: '^src/[^/]+/', pathNot: ['cli', ...names].map(room) },
      to: { path: '^src/' },
    },
    {
      name: 'packages-use-public-entries',
      comment: 'A package imports hyperiqa by its name, as its users do.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '^src/', pathNot: ENTRIES },
    },
    {
      name: 'packages-are-apart',
      comment: 'Packages find each other by name, which leads to an entry, not by path.',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: { path: '^packages/', pathNot: ['^packages/$1/', '^packages/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'no-arrow-to-packages',
      comment: 'The core knows no add-on but by the name that it loads it by.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^packages/' },
    },
    {
      name: 'everything-resolves',
      severity: 'error',
      from: { path: '^(src|packages)/' },
      // The packages with native files are not installed in a checkout, which builds its own.
      to: { couldNotResolve: true, pathNot: '^@hyperiqa/(libtorch-)?(linux|darwin|win32)-' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: ['node_modules', '^dist/', '/dist/'] },
    exclude: { path: '\\.test\\.ts$' },
    // In the spelling of TypeScript's ES modules: `./x.js` is x.ts.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
