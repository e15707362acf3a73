/** Once before all tests, so that test files that run at the same time do not each make the models. */
import { makeTestModels } from './models.js';

export default function setup(): void {
  try {
    makeTestModels();
  } catch (error) {
    // Tests without a model can run; those that need one say what is missing.
    console.error(`The test models could not be made: ${error instanceof Error ? error.message : String(error)}`);
  }
}
