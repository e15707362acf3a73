/** Protocols by name, complete ones, overrides, and the sizes they lead to. */
import { describe, expect, test } from 'vitest';

import { checkLoadOptions, checkScoreOptions } from '../../src/scoring/options.js';
import { knownFields, resizedSize } from '../../src/protocol/protocol.js';
import { errorWith } from '../helpers/errors.js';
import { protocolNames, resolveProtocol, type Protocol, type ProtocolName } from '../../src/index.js';

const own: Protocol = {
  name: 'mine',
  decode: { iccProfile: 'srgb', alpha: 'drop', orientation: 'exif' },
  resize: { mode: 'short-side', size: 300 },
  minSide: 224,
  crops: { plan: 'grid', rows: 2, columns: 3 },
};
const model = { protocol: own, datasetResize: { mode: 'exact', width: 512, height: 512 } as const };
const invalid = (message?: RegExp) => errorWith('ERR_INVALID_ARGUMENT', message);

const AS_PILLOW = { iccProfile: 'ignore', alpha: 'drop', orientation: 'ignore' };

describe('resolveProtocol', () => {
  test('the built-in protocols', () => {
    expect(Object.fromEntries(protocolNames.map((name) => [name, resolveProtocol(model, { protocol: name })]))).toEqual(
      {
        official: {
          name: 'official',
          decode: AS_PILLOW,
          resize: { mode: 'exact', width: 384, height: 512 },
          minSide: 224,
          crops: { plan: 'random', count: 10 },
        },
        'official-test': {
          name: 'official-test',
          decode: AS_PILLOW,
          resize: { mode: 'exact', width: 512, height: 512 },
          minSide: 224,
          crops: { plan: 'random', count: 25 },
        },
        pyiqa: {
          name: 'pyiqa',
          decode: AS_PILLOW,
          resize: { mode: 'none' },
          minSide: 225,
          crops: { plan: 'pyiqa' },
        },
        native: {
          name: 'native',
          decode: { iccProfile: 'srgb', alpha: 'white', orientation: 'exif' },
          resize: { mode: 'short-side', size: 384 },
          minSide: 224,
          crops: { plan: 'grid' },
        },
      },
    );
  });

  test('none means the model’s own; a model made for native keeps its size', () => {
    expect(resolveProtocol(model)).toEqual(own);
    const native = { ...own, name: 'native' };
    expect(resolveProtocol({ ...model, protocol: native }, { protocol: 'native' })).toEqual(native);
  });

  test('crops replace the protocol’s; a number is that many random ones', () => {
    expect(resolveProtocol(model, { crops: 7 })).toEqual({ ...own, crops: { plan: 'random', count: 7 } });
    expect(resolveProtocol(model, { protocol: 'official', crops: { plan: 'center' } }).crops).toEqual({
      plan: 'center',
    });
    expect(resolveProtocol(model, { crops: { plan: 'grid' } }).crops).toEqual({ plan: 'grid' });
  });

  test('the result is a frozen copy', () => {
    const mine: { -readonly [K in keyof Protocol]: Protocol[K] } = structuredClone(own);
    const resolved = resolveProtocol(model, { protocol: mine });
    mine.minSide = 300;
    expect(resolved.minSide).toBe(224);
    for (const part of [resolved, resolved.decode, resolved.resize, resolved.crops]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });

  test.each<[string, unknown, RegExp]>([
    ['an unknown name', 'offical', /protocol must be one of 'official'/],
    ['null', null, /protocol must be an object/],
    ['a field too much', { ...own, seed: 1 }, /protocol has no field "seed"/],
    ['no name', { ...own, name: '' }, /protocol\.name/],
    ['no decode', { ...own, decode: undefined }, /protocol\.decode/],
    ['an unknown policy', { ...own, decode: { ...own.decode, alpha: 'black' } }, /protocol\.decode\.alpha/],
    ['an unknown resize', { ...own, resize: { mode: 'long-side' } }, /protocol\.resize\.mode/],
    ['a size that the mode has not', { ...own, resize: { mode: 'none', size: 3 } }, /mode 'none' has no field "size"/],
    ['width NaN', { ...own, resize: { mode: 'exact', width: NaN, height: 3 } }, /protocol\.resize\.width/],
    ['size 0', { ...own, resize: { mode: 'short-side', size: 0 } }, /protocol\.resize\.size/],
    ['a minimum below a patch', { ...own, minSide: 223 }, /protocol\.minSide/],
    ['no crops', { ...own, crops: undefined }, /protocol\.crops/],
  ])('%s is refused', (_, protocol, message) => {
    expect(() => resolveProtocol(model, { protocol: protocol as ProtocolName })).toThrow(invalid(message));
  });

  test.each<[string, unknown, RegExp]>([
    ['0', 0, /crops/],
    ['1.5', 1.5, /crops/],
    ['NaN', NaN, /crops/],
    ['a million', 1_000_001, /crops/],
    ['text', '10', /crops/],
    ['an unknown plan', { plan: 'all' }, /crops\.plan/],
    ['no count', { plan: 'random' }, /crops\.count/],
    ['rows alone', { plan: 'grid', rows: 2 }, /both rows and columns/],
    ['too many cells', { plan: 'grid', rows: 1000, columns: 1000 }, /more than/],
    ['a count for pyiqa', { plan: 'pyiqa', count: 25 }, /no field "count"/],
  ])('crops %s are refused', (_, crops, message) => {
    expect(() => resolveProtocol(model, { crops: crops as number })).toThrow(invalid(message));
  });

  test('a model file may have fields that this version does not know', () => {
    const later = {
      protocol: { ...own, decode: { ...own.decode, gamma: 1 }, crops: { ...own.crops, jitter: 2 }, more: [] },
      datasetResize: { mode: 'none', filter: 'x' } as const,
    };
    expect(knownFields(later)).toEqual({ protocol: own, datasetResize: { mode: 'none' } });
  });
});

describe('resizedSize', () => {
  const size = (protocol: ProtocolName, width: number, height: number) => {
    const resized = resizedSize(resolveProtocol(model, { protocol }), width, height);
    return [resized.width, resized.height];
  };
  test.each<[ProtocolName, number, number, number, number]>([
    ['official', 4000, 100, 384, 512],
    ['native', 4000, 3000, 512, 384],
    ['native', 1001, 3003, 384, 1152],
    ['native', 301, 203, 569, 384],
    ['pyiqa', 640, 480, 640, 480],
    ['pyiqa', 225, 900, 225, 900],
    ['pyiqa', 224, 301, 225, 302],
    ['pyiqa', 100, 80, 281, 225],
  ])('%s of %d×%d', (protocol, width, height, ...expected) => {
    expect(size(protocol, width, height)).toEqual(expected);
  });
});

describe('score options', () => {
  const check = (options: object) => checkScoreOptions(options, model);

  test('defaults', () => {
    expect(check({})).toEqual({
      protocol: own,
      seed: 0n,
      maxStandardError: undefined,
      maxCrops: undefined,
      limits: { limitInputPixels: 268_402_689, limitInputBytes: 2 ** 30 },
      signal: undefined,
    });
  });

  test('seeds to 2⁶⁴ − 1', () => {
    expect(check({ seed: 7 }).seed).toBe(7n);
    expect(check({ seed: 2n ** 64n - 1n }).seed).toBe(18446744073709551615n);
  });

  test('a bound for the standard error brings a largest number of crops', () => {
    expect(check({ crops: 10, maxStandardError: 0.5 })).toMatchObject({ maxStandardError: 0.5, maxCrops: 100 });
    expect(check({ crops: 200, maxStandardError: 0.5 })).toMatchObject({ maxCrops: 200 });
    expect(check({ crops: 10, maxStandardError: 0.5, maxCrops: 10 })).toMatchObject({ maxCrops: 10 });
  });

  test.each<[string, object, RegExp]>([
    ['an unknown option', { crop: 10 }, /no field "crop"/],
    ['scoreAll’s options', { order: 'input' }, /no field "order"/],
    ['seed −1', { seed: -1 }, /seed/],
    ['seed NaN', { seed: NaN }, /seed/],
    ['seed 0.5', { seed: 0.5 }, /seed/],
    ['a number beyond exact integers', { seed: 2 ** 60 }, /bigint/],
    ['seed 2⁶⁴', { seed: 2n ** 64n }, /seed/],
    ['a seed as text', { seed: '7' }, /seed/],
    ['maxStandardError 0', { crops: 10, maxStandardError: 0 }, /greater than 0/],
    ['maxStandardError NaN', { crops: 10, maxStandardError: NaN }, /greater than 0/],
    ['maxStandardError of a grid', { maxStandardError: 1 }, /random crops/],
    ['maxCrops alone', { crops: 10, maxCrops: 20 }, /together with maxStandardError/],
    ['fewer maxCrops than crops', { crops: 10, maxStandardError: 1, maxCrops: 9 }, /maxCrops/],
    ['limitInputPixels 0', { limitInputPixels: 0 }, /limitInputPixels/],
    ['limitInputPixels NaN', { limitInputPixels: NaN }, /limitInputPixels/],
    ['limitInputBytes 2 ** 31', { limitInputBytes: 2 ** 31 }, /limitInputBytes/],
    ['a signal that is none', { signal: {} }, /AbortSignal/],
  ])('%s', (_, options, message) => {
    expect(() => check(options)).toThrow(invalid(message));
  });

  test.each([null, 5, 'official', [1]])('%o instead of options', (options) => {
    expect(() => checkScoreOptions(options, model)).toThrow(invalid(/options must be an object/));
  });
});

describe('load options', () => {
  test('defaults leave the choice to the engine', () => {
    expect(checkLoadOptions({})).toEqual({
      native: {
        devices: ['auto'],
        dtype: 'fp32',
        threads: 0,
        batchSize: 0,
        graphMode: 'auto',
        tuning: true,
        trustModel: false,
        selfCheck: true,
        maxQueueImages: 64,
        maxQueueBytes: 2 ** 30,
      },
      intake: { maxDecoding: Infinity, maxPending: Infinity, maxStreams: 16 },
      autoAsked: false,
      libtorch: undefined,
      signal: undefined,
    });
    expect(checkLoadOptions({ device: ['cuda:0', 'cuda:12'] }).native.devices).toEqual(['cuda:0', 'cuda:12']);
    expect(checkLoadOptions({ device: 'auto' }).autoAsked).toBe(true);
  });

  test.each<[string, object, RegExp]>([
    ['an unknown option', { devise: 'cpu' }, /no field "devise"/],
    ['an unknown device', { device: 'gpu' }, /device must be/],
    ['cuda:x', { device: 'cuda:x' }, /device must be/],
    ['cuda:-1', { device: 'cuda:-1' }, /device must be/],
    ['no devices', { device: [] }, /at least one/],
    ['a device twice', { device: ['cpu', 'cpu'] }, /each device once/],
    ['auto in a list', { device: ['auto', 'cpu'] }, /no 'auto'/],
    ['dtype', { dtype: 'float' }, /dtype/],
    ['threads 0', { threads: 0 }, /threads/],
    ['threads NaN', { threads: NaN }, /threads/],
    ['batchSize −1', { batchSize: -1 }, /batchSize/],
    ['batchSize 1.5', { batchSize: 1.5 }, /batchSize/],
    ['batchSize 1025', { batchSize: 1025 }, /batchSize/],
    ['graphMode', { graphMode: 'fast' }, /graphMode/],
    ['tuning', { tuning: 'no' }, /tuning/],
    ['libtorch', { libtorch: '' }, /libtorch/],
    ['selfCheck', { selfCheck: 1 }, /selfCheck/],
    ['maxQueueImages', { maxQueueImages: Infinity }, /maxQueueImages/],
    ['maxQueueBytes', { maxQueueBytes: 0 }, /maxQueueBytes/],
    ['maxPending 0', { maxPending: 0 }, /maxPending/],
    ['maxStreams', { maxStreams: 1.5 }, /maxStreams/],
    ['signal', { signal: new AbortController() }, /AbortSignal/],
  ])('%s', (_, options, message) => {
    expect(() => checkLoadOptions(options)).toThrow(invalid(message));
  });
});
