/**
 * The public API of `@hyperiqa/service`, nothing else.
 *
 * @module @hyperiqa/service
 */
export { ServiceError, type ServiceErrorCode } from './errors.js';
export type { DetectorToLoad, ModelToLoad, ServiceLimits, ServiceOptions, UrlOptions } from './settings/options.js';
export { hyperiqaService } from './routes/plugin.js';
export { createServer, type ServerOptions } from './server/server.js';
export type { HyperIQADecorator } from './service/service.js';
