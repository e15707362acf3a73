/** Schemas of answers: those of hyperiqa's records, and what the service adds. */
import { createRequire } from 'node:module';

type Schema = Readonly<Record<string, unknown>>;

const { $defs } = createRequire(import.meta.url)('hyperiqa/schema/record.json') as { $defs: Record<string, Schema> };

/** The parts of the records' schema that describe rows of CSV files. */
const OF_TABLES = /^(csv|study)/;

/** The schema with references to the components of an OpenAPI document instead of its own definitions. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key,
      key === '$ref' && typeof part === 'string' ? part.replace('#/$defs/', '#/components/schemas/') : moved(part),
    ]),
  );
}

const reference = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });
const pixels = reference('pixels');
const size: Schema = {
  type: 'object',
  required: ['width', 'height'],
  additionalProperties: false,
  properties: { width: pixels, height: pixels },
};

const map: Schema = {
  type: 'object',
  description: 'Scores of overlapping patches on a dense grid.',
  required: [
    'file',
    'score',
    'rows',
    'columns',
    'patches',
    'patchSize',
    'width',
    'height',
    'resized',
    'scale',
    'warnings',
  ],
  additionalProperties: false,
  properties: {
    file: reference('file'),
    score: { type: 'number', description: 'Mean of the patch scores.' },
    rows: { type: 'integer', minimum: 1 },
    columns: { type: 'integer', minimum: 1 },
    patches: {
      type: 'array',
      description: 'Row by row: left and top edge in the resized image, and score.',
      items: {
        type: 'object',
        required: ['x', 'y', 'score'],
        additionalProperties: false,
        properties: { x: { type: 'integer' }, y: { type: 'integer' }, score: { type: 'number' } },
      },
    },
    patchSize: { ...pixels, description: 'Side of a patch, pixels of the resized image.' },
    width: pixels,
    height: pixels,
    resized: size,
    scale: {
      type: 'object',
      required: ['minimum', 'maximum', 'higherIsBetter'],
      additionalProperties: false,
      properties: { minimum: { type: 'number' }, maximum: { type: 'number' }, higherIsBetter: { type: 'boolean' } },
    },
    warnings: reference('warnings'),
    provenance: reference('provenance'),
  },
};

const model: Schema = {
  type: 'object',
  required: ['name', 'default', 'ready', 'model', 'score', 'protocol', 'devices', 'dtype', 'selfCheck'],
  additionalProperties: false,
  properties: {
    name: { type: 'string', description: 'The parameter `model` of requests.' },
    default: { type: 'boolean' },
    ready: {
      type: 'boolean',
      description: 'Loaded, and its self-check passed. The fields after it are null until then.',
    },
    model: { oneOf: [reference('model'), { type: 'null' }] },
    score: {
      type: ['object', 'null'],
      description: "The model's scale.",
      properties: {
        minimum: { type: 'number' },
        maximum: { type: 'number' },
        bounded: { type: 'boolean' },
        higherIsBetter: { type: 'boolean' },
        meaning: { type: 'string' },
      },
    },
    protocol: { type: ['string', 'null'], description: 'Name of its own protocol.' },
    devices: { type: ['array', 'null'], items: { type: 'string' } },
    dtype: { type: ['string', 'null'] },
    selfCheck: {
      type: ['object', 'null'],
      properties: { passed: { type: 'boolean' }, largestDifference: { type: 'number' }, tolerance: { type: 'number' } },
    },
  },
};

/** `components.schemas` of the OpenAPI document. */
export const components: Record<string, Schema> = {
  ...(moved(Object.fromEntries(Object.entries($defs).filter(([name]) => !OF_TABLES.test(name)))) as Record<
    string,
    Schema
  >),
  record: { oneOf: [reference('scored'), reference('failed')] },
  map,
  servedModel: model,
  info: {
    type: 'object',
    required: ['models', 'faces', 'urls', 'docs', 'limits'],
    additionalProperties: false,
    properties: {
      models: { type: 'array', description: 'The default first.', items: reference('servedModel') },
      faces: { type: 'boolean', description: 'Faces can be looked for.' },
      urls: { type: 'boolean', description: 'Images of some hosts are fetched.' },
      docs: { type: 'boolean', description: 'The API is described at /docs/.' },
      limits: {
        type: 'object',
        required: ['bodyBytes', 'images', 'pixels', 'crops'],
        additionalProperties: false,
        properties: {
          bodyBytes: { type: 'integer' },
          images: { type: 'integer' },
          pixels: { type: 'integer' },
          crops: { type: 'integer' },
        },
      },
    },
  },
  refusal: {
    type: 'object',
    description: 'Why there is no result.',
    required: ['error'],
    additionalProperties: false,
    properties: { error: reference('error') },
  },
  health: {
    type: 'object',
    required: ['status'],
    additionalProperties: false,
    properties: { status: { enum: ['ok', 'ready', 'loading', 'failed', 'draining'] }, reason: { type: 'string' } },
  },
};

const json = (schema: Schema) => ({ 'application/json': { schema } });
const retry = { 'Retry-After': { type: 'integer', description: 'Seconds to wait.' } };
const refusal = (description: string) => ({ description, content: json(reference('refusal')) });
/** Schema of a failure of a request, or of its one image. */
const failure = (description: string) => ({
  description,
  content: json({ oneOf: [reference('refusal'), reference('failed')] }),
});

/** Failures that a route for images may answer with. */
const refusals = {
  400: failure('A parameter or the body is wrong (ERR_INVALID_ARGUMENT, ERR_NO_IMAGE).'),
  401: refusal('The bearer token is missing or wrong (ERR_UNAUTHORIZED).'),
  408: refusal('The body did not arrive in time (ERR_BODY_TIMEOUT).'),
  413: failure('Too many bytes, pixels or images (ERR_BODY_TOO_LARGE, ERR_IMAGE_TOO_LARGE, ERR_TOO_MANY_IMAGES).'),
  415: failure('The body, or the format of the image, is of no known kind (ERR_MEDIA_TYPE, ERR_IMAGE_FORMAT).'),
  422: failure(
    'The image is damaged or empty, or its URL cannot be read (ERR_IMAGE_DECODE, ERR_IMAGE_EMPTY, ERR_URL_FORBIDDEN, ERR_URL_READ).',
  ),
  429: { ...refusal('Too many requests wait already (ERR_TOO_MANY_REQUESTS).'), headers: retry },
  500: failure('The server failed (ERR_INTERNAL and others); its log has the reason.'),
  503: {
    ...failure('Not ready, shutting down, or no result in time (ERR_NOT_READY, ERR_SHUTTING_DOWN, ERR_TIMEOUT).'),
    headers: retry,
  },
};

const bodyOf = (urls: Schema | undefined) => ({
  content: {
    'image/*': { schema: { type: 'string', format: 'binary' } },
    'application/octet-stream': { schema: { type: 'string', format: 'binary' } },
    'multipart/form-data': {
      schema: {
        type: 'object',
        properties: { image: { type: 'array', items: { type: 'string', format: 'binary' } } },
      },
    },
    ...(urls && { 'application/json': { schema: urls } }),
  },
});

const png = { 'image/png': { schema: { type: 'string', format: 'binary' } } };

/** An object where the request has one image by its kind; a list with an item for each where it may have several. */
const oneOrList = (name: string): Schema => ({ oneOf: [reference(name), { type: 'array', items: reference(name) }] });

/** Descriptions of the routes for Fastify and for the OpenAPI document. */
export const routeSchemas = (queries: Record<'score' | 'faces' | 'map', Schema>, urls: Schema | undefined) => ({
  score: {
    operationId: 'score',
    tags: ['images'],
    summary: 'Score photographs',
    description:
      'A raw body or `{"url": …}` is answered with one record; a form, or `{"urls": […]}`, with a list of one record for ' +
      'each image, in their order, where an image without a score has a record with its error.',
    querystring: queries.score,
    body: bodyOf(urls),
    response: { 200: { description: 'The records.', content: json(oneOrList('record')) }, ...refusals },
  },
  faces: {
    operationId: 'faces',
    tags: ['images'],
    summary: 'Find faces',
    description: 'Boxes, confidences and landmarks, one record for each image; or a face as PNG.',
    querystring: queries.faces,
    body: bodyOf(urls),
    response: {
      200: { description: 'The records, or a face.', content: { ...json(oneOrList('facesRecord')), ...png } },
      ...refusals,
    },
  },
  map: {
    operationId: 'map',
    tags: ['images'],
    summary: 'Map the quality over a photograph',
    description: 'Scores of overlapping patches, as numbers or drawn over the photograph. One image.',
    querystring: queries.map,
    body: bodyOf(urls),
    response: { 200: { description: 'The map.', content: { ...json(reference('map')), ...png } }, ...refusals },
  },
  info: {
    operationId: 'info',
    tags: ['service'],
    summary: 'What the service offers: models, and how much a request may ask for',
    response: {
      200: { description: 'It.', content: json(reference('info')) },
      401: refusals[401],
    },
  },
  healthz: {
    operationId: 'healthz',
    tags: ['service'],
    summary: 'Is the process alive?',
    security: [],
    response: { 200: { description: 'It is.', content: json(reference('health')) } },
  },
  readyz: {
    operationId: 'readyz',
    tags: ['service'],
    summary: 'Are the models loaded and checked?',
    security: [],
    response: {
      200: { description: 'They are.', content: json(reference('health')) },
      503: { description: 'Loading, failed or shutting down.', content: json(reference('health')), headers: retry },
    },
  },
  metrics: {
    operationId: 'metrics',
    tags: ['service'],
    summary: 'Figures for Prometheus',
    response: {
      200: { description: 'Text of the exposition format.', content: { 'text/plain': { schema: { type: 'string' } } } },
      401: refusals[401],
    },
  },
});
