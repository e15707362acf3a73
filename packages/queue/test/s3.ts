/** An S3-compatible server (moto) on a loopback port. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { freePort } from '../../../test/helpers/redis.js';
import { root } from '../../../test/cli/cli.js';

/** Keys that the server accepts, as it accepts any. */
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

export class S3Server {
  readonly config;
  readonly client: S3Client;

  private constructor(
    readonly port: number,
    private readonly child: ChildProcess,
  ) {
    this.config = { endpoint: `http://127.0.0.1:${port}`, region: 'us-east-1', credentials, forcePathStyle: true };
    this.client = new S3Client(this.config);
  }

  /** Variables that the client of another process is configured by. */
  get env(): NodeJS.ProcessEnv {
    return { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_ENDPOINT_URL_S3: this.config.endpoint };
  }

  /** @throws Error where there is no Python, or no moto can be had for it */
  static async start(): Promise<S3Server> {
    const { pythonEnvironment } = (await import(join(root, 'scripts/python-env.mjs'))) as {
      pythonEnvironment: (name: string, requirements: string) => string;
    };
    const python = pythonEnvironment('s3', join(root, 'scripts/requirements-s3.txt'));
    const port = await freePort();
    const child = spawn(python, ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        if (said.includes('Running on')) resolve();
      });
      child.once('exit', () => {
        reject(new Error(`The S3 server has ended: ${said}`));
      });
    });
    return new S3Server(port, child);
  }

  async bucket(name: string, objects: Record<string, Buffer> = {}): Promise<void> {
    await this.client.send(new CreateBucketCommand({ Bucket: name }));
    for (const [key, content] of Object.entries(objects)) await this.put(name, key, content);
  }

  async put(bucket: string, key: string, content: Buffer): Promise<void> {
    await this.client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }));
  }

  async keys(bucket: string): Promise<string[]> {
    const { Contents = [] } = await this.client.send(new ListObjectsV2Command({ Bucket: bucket }));
    return Contents.map(({ Key = '' }) => Key);
  }

  async text(bucket: string, key: string): Promise<string> {
    const { Body } = await this.client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    return Body?.transformToString() ?? '';
  }

  stop(): void {
    this.client.destroy();
    this.child.kill('SIGKILL');
  }
}
