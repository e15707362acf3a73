/** Once before all tests, so that test files that run at the same time do not each make the models. */
import { makeTestModels } from './models.js';

export default async function setup(): Promise<void> {
  try {
    await makeTestModels();
  } catch (error) {
    // Tests without a model can run; those that need one fail and point here.
    console.error(`The test models could not be made: ${error instanceof Error ? error.message : String(error)}`);
  }
}
