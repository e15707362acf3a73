/** Colour maps, from the lowest value to the highest. */
import type { MapColors } from './types.js';

/**
 * Every third of a map's 256 colours as six hexadecimal digits; those between are interpolated, which meets them to one
 * step of a channel. Viridis, magma, inferno and plasma are by Stéfan van der Walt and Nathaniel Smith for Matplotlib (CC0);
 * cividis is by Nuñez, Anderton and Renslow (PLOS ONE 13, 2018, e0199239), in the approximation by polynomials of
 * d3-scale-chromatic 3.1.0 (ISC). test/fixtures/maps/make-colors.mjs prints them.
 */
const POINTS: Record<MapColors, string> = {
  viridis:
    '440154450559460a5d470e61471365481769481b6d481f70482374482677472a7a472e7c46327e453581443983433d84' +
    '4240864144873f47883e4a893d4e8a3b518b3a548c38588c375b8d355e8d34618d32648e31678e306a8e2e6d8e2d708e' +
    '2c728e2b758e2a788e297b8e277e8e26818e25838e24868e23898e228c8d218f8d20928c1f948c1f978b1f9a8a1e9d89' +
    '1fa0881fa28721a58522a88425ab8227ad812ab07f2eb37c32b67a37b8783bbb7540bd7246c06f4cc26c52c56958c765' +
    '5ec96265cb5e6ccd5a73d0567ad15181d34d89d54890d74398d83ea0da39a8db34b0dd2fb8de29c0df25c8e020d0e11c' +
    'd8e219dfe318e7e419efe51cf6e620fde725',
  cividis:
    '00205100235600255a00275e002961002b64032d66052f6808316a0c336b0f356c13376d17396d1a3b6d1e3e6e23406e' +
    '27426e2b446e2f466e33486e374a6e3b4d6e3f4f6e43516d47536d4b556d4e576e52596e565c6e595e6e5c606e60626e' +
    '63646f66666f6969706c6b706e6d71716f717471727674727976737b78747e7a74807d75837f768581768884778a8677' +
    '8d88778f8a78928d78948f789792789a94789c96789f9978a29b78a59e77a8a077aba376aea575b2a874b5aa73b8ad72' +
    'bcaf71bfb26fc3b56dc7b76ccaba6acebc68d2bf66d6c263d9c561ddc75fe1ca5ce4cd5ae8d058ebd355eed553f1d850' +
    'f4db4ef7de4cf9e14afbe448fce746fdea45',
  magma:
    '00000401010802020d04041406051a0907200c0926100b2d130d34160f3b1a10421e11492211502712582c115f311165' +
    '36106b3b0f70400f744510774a10794f127b54137d59157e5d177f621980671b806b1d81701f817521817922827e2482' +
    '8326818827818c2981912b81962c809b2e7fa02f7fa5317eaa337dae347bb3367ab83779bd3977c23b75c73d73cc3f71' +
    'd0416fd5446dd9466bde4968e24d66e55064e95462ec5860ef5d5ef2625df4675cf66c5cf7725cf9785dfa7d5efb835f' +
    'fc8961fc8e64fd9467fd9a6afe9f6dfea571feaa74feb078feb67cfebb81fec185fec68afecc8ffed194fed799fddc9e' +
    'fde2a3fde7a9fcecaefcf2b4fcf7b9fcfdbf',
  inferno:
    '00000401010802020e04031407051b0a07220d0829110a30150b37190c3e1e0c45230c4c280b532d0b59320a5e380962' +
    '3d0965420a68470b6a4c0c6b510e6c550f6d5a116e5f136e64156e69166e6d186e721a6e771c6d7c1d6d801f6c85216b' +
    '8a226a8f24699326679827669d2964a22b62a62d60ab2f5eb0315bb43359b93556bd3853c13a50c63d4dca404ace4347' +
    'd24644d54a41d94d3ddd513ae05536e35933e65d2fe9612beb6628ee6a24f06f20f2741cf47918f67e14f78410f8890c' +
    'f98e09fa9407fb9906fc9f07fca50afcaa0ffcb014fbb61afbbc21fac228f9c72ff8cd37f7d340f5d949f4df53f3e55d' +
    'f2ea69f1ef75f2f482f4f88ef8fb9afcffa4',
  plasma:
    '0d088716078a1d068e2406912a05932f05963504983a049a3f049c44039e4903a04e02a25302a35801a45c01a66100a7' +
    '6600a76a00a86f00a87401a87801a87d03a88104a78606a68a09a58e0ca4920fa39613a19a169f9e199da21d9aa62098' +
    'aa2395ad2793b12a90b42e8db7318abb3488be3885c13b82c43e7fc7427cca457acc4977cf4c74d24f71d5536fd7566c' +
    'da5a6adc5d67de6164e16462e3685fe56b5de76f5ae97257eb7655ed7a52ef7e50f1814df3854bf48948f68d45f79143' +
    'f89540f99a3efa9e3bfba238fca636fdab33fdaf31fdb42ffeb82cfebd2afdc229fdc627fdcb26fcd025fbd524fada24' +
    'f8df25f7e425f5e926f3ee27f1f426f0f921',
};

/** Names of the colour maps. */
export const mapColors: readonly MapColors[] = Object.freeze(Object.keys(POINTS) as MapColors[]);

/** 256 colours from low to high, RGB. */
export function colorTable(name: MapColors): Buffer {
  const points = Buffer.from(POINTS[name], 'hex');
  const table = Buffer.alloc(3 * 256);
  for (let i = 0; i < table.length; i++) {
    const color = Math.floor(i / 3);
    const before = 3 * Math.floor(color / 3) + (i % 3);
    const [low = 0, high = low] = [points[before], points[before + 3]];
    table[i] = Math.round(low + ((high - low) * (color % 3)) / 3);
  }
  return table;
}
