/**
 * The public API of models by name: `hyperiqa/models`.
 *
 * @module hyperiqa/models
 */
export {
  addModel,
  listModels,
  removeModel,
  verifyModel,
  type AddModelOptions,
  type ListedModel,
  type RegisteredModel,
} from './registry.js';
