/** Tests `--resume` on records that anybody may have changed: a finite score or none, and never a failure. */
import fc from 'fast-check';
import { expect, test } from 'vitest';

import { scoreIn, scoreWithFacesIn } from '../../src/cli/records/stored.js';

const json = fc.jsonValue({ maxDepth: 3 });
/** Fields of records with values of every kind, and now and then the right ones. */
const record = fc.record(
  {
    score: fc.oneof(json, fc.double(), fc.double().map(String), fc.constantFrom('', ' ', 'NaN', '1e999')),
    faceStatus: fc.oneof(json, fc.constantFrom('ok', 'no-face')),
    facesKept: fc.oneof(json, fc.constantFrom('0', '2')),
    faceScore: fc.oneof(json, fc.double().map(String)),
    faces: fc.oneof(
      json,
      fc.record({ status: fc.constantFrom('ok', 'several'), faces: fc.array(fc.record({ kept: json, score: json })) }),
    ),
  },
  { requiredKeys: [] },
);

test.each([
  ['score', scoreIn],
  ['score --faces', scoreWithFacesIn],
] as const)('%s', (_, take) => {
  fc.assert(
    fc.property(record, (stored) => {
      const taken = take(stored);
      if (taken !== null) expect(taken).toSatisfy(Number.isFinite);
    }),
    { seed: 17, numRuns: 2000 },
  );
});

test('a score comes back as it was written, as a number or as the text of a cell', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (score) => {
      expect(scoreIn({ score })).toBe(score);
      expect(scoreIn({ score: String(score) })).toBeCloseTo(score, 12);
    }),
    { seed: 18, numRuns: 500 },
  );
});
