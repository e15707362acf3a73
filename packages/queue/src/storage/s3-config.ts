/** The type of what the S3 client is configured with. */

/**
 * Configuration of the client for S3-compatible storage, beside what environment and files of AWS say: an `S3ClientConfig` of
 * `@aws-sdk/client-s3`. Its own type is not named, because declarations must be whole where that package is not installed.
 */
export type S3Config = object;
