/** The routes that take images. */
import { HyperIQAError, type HyperIQA, type RawImage } from 'hyperiqa';
import { scoreWithFaces, type FaceDetector } from 'hyperiqa/faces';
import { mapPicture, qualityMap } from 'hyperiqa/maps';
import { loadSharp } from 'hyperiqa/add-on';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { failureOf, ServiceError, type Failure } from '../errors.js';
import { checkHead, receive, type ReceivedImage, type UrlBody } from '../intake/receive.js';
import { Work } from '../intake/work.js';
import {
  cropsAskedFor,
  inputLimits,
  toDetectOptions,
  toScoreOptions,
  urlBody,
  type DetectQuery,
  type MapQuery,
  type ScoreQuery,
} from '../api/parameters.js';
import { facesRecord, failedRecord, scoredRecord, scoredWithFacesRecord } from '../api/records.js';
import type { routeSchemas } from '../api/schemas.js';
import { notReady } from '../service/scorers.js';
import { awaitsContinue } from '../intake/continue.js';
import type { Service } from '../service/service.js';
import { bodyCheck, wordsOf } from './validation.js';

/** Result for one image: an answer, or a failure. */
interface Outcome {
  content: object | Buffer;
  failure?: Failure;
}

/** Registers the routes in a context whose other parsers go. */
export function imageRoutes(
  fastify: FastifyInstance,
  service: Service,
  schemas: ReturnType<typeof routeSchemas>,
): void {
  const { options, scorers, metrics, fetcher, gate } = service;
  const { limits } = options;
  const works = new WeakMap<FastifyRequest, Work>();
  const validUrls = bodyCheck(urlBody(limits));

  // Bodies stay unread until their route reads them.
  fastify.addContentTypeParser('*', (_request, _payload, done) => {
    done(null);
  });

  fastify.addHook('onRequest', async (request, reply) => {
    requireState(service);
    checkQuery(request);
    checkHead(request.raw, limits, fetcher !== undefined);
    const work = new Work(reply.raw, limits.requestMs, () => {
      service.settle(request);
    });
    service.accept(request);
    works.set(request, work);
    work.hold(await metrics.timed('wait', () => gate.enter(work.signal)));
    if (awaitsContinue.has(request.raw)) reply.raw.writeContinue();
  });
  // Connections that stay open would keep a server that shuts down.
  fastify.addHook('onSend', async (request, reply) => {
    works.get(request)?.release();
    if (service.state === 'draining') void reply.header('connection', 'close');
  });

  /** Reads the images of a request, works on each, and tells what became of them. */
  async function answered(
    request: FastifyRequest,
    reply: FastifyReply,
    { file, images = limits.images }: { file: string; images?: number },
    model: string,
    handle: (bytes: Buffer, signal: AbortSignal, file: string) => Promise<object | Buffer>,
  ) {
    const work = works.get(request);
    if (work === undefined) throw new Error('The request was not accepted.');
    const parseUrls = (json: string) => parsedUrls(json, validUrls);
    const outcome = async (image: ReceivedImage): Promise<Outcome> => {
      try {
        if (image.failure) return failedOutcome(image.file, image.failure, model);
        const content = await handle(image.bytes, work.signal, image.file);
        metrics.image(model, 'ok');
        return { content };
      } catch (error) {
        work.signal.throwIfAborted();
        const failure = failureOf(error);
        if (failure.status === 500) request.log.error({ err: error }, 'failed');
        return failedOutcome(image.file, failure, model);
      }
    };
    const receiving = {
      work,
      limits: { ...limits, images },
      fetcher,
      file,
      parseUrls,
      timed: metrics.timed.bind(metrics),
    };
    const { single, results } = await receive(request, receiving, outcome);
    const [first] = results;
    if ((!single && images > 1) || first === undefined) return reply.send(results.map(({ content }) => content));
    const { content, failure } = first;
    if (failure) {
      void reply.code(failure.status);
      if (failure.retryAfter !== undefined) void reply.header('retry-after', String(failure.retryAfter));
    } else if (Buffer.isBuffer(content)) {
      void reply.type('image/png');
    }
    return reply.send(content);
  }

  function failedOutcome(file: string, failure: Failure, model: string): Outcome {
    metrics.image(model, failure.code);
    return { content: failedRecord(file, failure), failure };
  }

  fastify.post('/v1/score', { schema: schemas.score }, async (request, reply) => {
    const query = request.query as ScoreQuery;
    const { provenance } = query;
    const iqa = scorers.model(query.model);
    requireCrops(query.crops, limits.crops);
    const score = toScoreOptions(query, limits);
    const detect = toDetectOptions(query, limits);
    const detector = query.faces ? requireDetector(scorers.detector) : undefined;
    return answered(request, reply, query, nameOf(iqa), async (bytes, signal, file) => {
      if (detector === undefined) {
        const result = await metrics.timed('score', () => iqa.score(bytes, { ...score, signal }));
        return scoredRecord(file, result, provenance);
      }
      const both = await metrics.timed('score', () => scoreWithFaces(iqa, detector, bytes, { score, detect, signal }));
      return scoredWithFacesRecord(file, both, provenance);
    });
  });

  if (options.faces !== false) {
    fastify.post('/v1/faces', { schema: schemas.faces }, async (request, reply) => {
      const query = request.query as DetectQuery;
      const detector = requireDetector(scorers.detector);
      const picture = asPicture(query, request);
      const detect = { ...toDetectOptions(query, limits), crops: picture };
      const images = picture ? { file: query.file, images: 1 } : { file: query.file };
      return answered(request, reply, images, detector.info.model.name, async (bytes, signal, file) => {
        const result = await metrics.timed('faces', () => detector.detect(bytes, { ...detect, signal }));
        if (!picture) return facesRecord(file, result, query.provenance);
        const pixels = result.faces.filter(({ kept }) => kept)[query.face]?.pixels;
        if (pixels === undefined) throw new ServiceError('ERR_NO_FACE', `There is no kept face ${query.face}.`);
        return png(pixels);
      });
    });
  }

  fastify.post('/v1/map', { schema: schemas.map }, async (request, reply) => {
    const query = request.query as MapQuery;
    const { protocol, stride, colors, opacity, legend, provenance } = query;
    const iqa = scorers.model(query.model);
    const picture = asPicture(query, request);
    return answered(request, reply, { file: query.file, images: 1 }, nameOf(iqa), async (bytes, signal, file) => {
      const mapping = {
        ...(protocol !== undefined && { protocol }),
        ...(stride !== undefined && { stride }),
        ...inputLimits(limits),
        signal,
      };
      const map = await metrics.timed('map', () => qualityMap(iqa, bytes, mapping));
      if (!picture) {
        const { provenance: origin, ...content } = map;
        return { file, ...content, ...(provenance && { provenance: origin }) };
      }
      const look = { colors, opacity, legend, ...(query.range === 'auto' && { range: 'auto' as const }), signal };
      return metrics.timed('draw', () => mapPicture(map, bytes, look));
    });
  });

  /** The name of a model here, for the figures. */
  function nameOf(iqa: HyperIQA): string {
    for (const [name, model] of scorers.models) if (model === iqa) return name;
    return 'unknown';
  }
}

/** @throws ServiceError ERR_SHUTTING_DOWN, ERR_NOT_READY */
function requireState({ state }: Service): void {
  if (state === 'ready') return;
  if (state !== 'draining') throw notReady();
  throw new ServiceError('ERR_SHUTTING_DOWN', 'The server is shutting down.', { retryAfter: 5 });
}

/** Wrong parameters are told before anything of the body is read. */
function checkQuery(request: FastifyRequest): void {
  const validate = request.getValidationFunction('querystring') as ReturnType<typeof bodyCheck> | undefined;
  if (validate === undefined || validate(request.query)) return;
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `The parameters are wrong: ${wordsOf(validate)}.`);
}

function parsedUrls(json: string, valid: ReturnType<typeof bodyCheck>): UrlBody {
  let body: unknown;
  try {
    body = JSON.parse(json);
  } catch (cause) {
    throw new HyperIQAError('ERR_INVALID_ARGUMENT', 'The body is not JSON.', { cause });
  }
  if (valid(body)) return body as UrlBody;
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `The body is wrong: ${wordsOf(valid)}.`);
}

function requireCrops(crops: string | undefined, most: number): void {
  if (cropsAskedFor(crops) <= most) return;
  throw new HyperIQAError('ERR_INVALID_ARGUMENT', `A request may ask for ${most} crops.`);
}

function requireDetector(detector: FaceDetector | undefined): FaceDetector {
  if (detector === undefined) throw notReady();
  return detector;
}

const asPicture = ({ format }: { format?: 'json' | 'png' }, { headers }: FastifyRequest): boolean =>
  format === undefined ? /\bimage\/png\b/.test(headers.accept ?? '') : format === 'png';

const png = ({ data, width, height, channels }: RawImage): Promise<Buffer> =>
  loadSharp()(data, { raw: { width, height, channels } }).png().toBuffer();
