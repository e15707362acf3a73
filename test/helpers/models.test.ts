/** The test models have the weights that the fixtures of test/fixtures/parity were made with. */
import { expect, test } from 'vitest';

import { HyperIQA } from '../../src/index.js';
import { testModel } from './models.js';

// Sums that models/make_test_model.py prints.
test.each([
  ['resnet50', 'c584b8bf2d9ce526799c599804d4fea2bb332eccc1e6a792fe70226c34427e02'],
  ['lite0', 'b2dfb1b176d3c901bddaca6a2f3bad79bd862b747965f0b6a2c0c9a0fd422151'],
] as const)('the weights of %s are those of PyTorch, bit by bit', async (name, weightsSha256) => {
  await using iqa = await HyperIQA.load(testModel(name), { device: 'cpu', graphMode: 'freeze', threads: 1 });
  expect(iqa.info.model.weightsSha256).toBe(weightsSha256);
  expect(iqa.info.selfCheck).toMatchObject({ passed: true });
});
