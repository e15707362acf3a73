// Scores uploads with NestJS: a provider that is loaded before the application listens, and drained at its end.
//   npm install hyperiqa @nestjs/common @nestjs/core @nestjs/platform-express reflect-metadata rxjs
//   curl --data-binary @photo.jpg http://localhost:8080/score
import 'reflect-metadata';
import type { IncomingMessage, ServerResponse } from 'node:http';

import {
  Controller,
  HttpCode,
  HttpException,
  Inject,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  Post,
  Req,
  Res,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { HyperIQA, type HyperIQAError, type ImageInput, type ScoreResult } from 'hyperiqa';

@Injectable()
class Scorer implements OnModuleInit, OnApplicationShutdown {
  #iqa!: HyperIQA;

  async onModuleInit(): Promise<void> {
    this.#iqa = await HyperIQA.load({ maxPending: 256, maxStreams: 64 });
  }

  async score(image: ImageInput, signal: AbortSignal): Promise<ScoreResult> {
    try {
      const limits = { limitInputBytes: 32 * 2 ** 20, limitInputPixels: 50_000_000 };
      return await this.#iqa.score(image, { ...limits, signal });
    } catch (error) {
      const { code, message } = error as HyperIQAError;
      const status = code.startsWith('ERR_IMAGE_')
        ? 422
        : code === 'ERR_QUEUE_FULL' || code === 'ERR_DISPOSED'
          ? 503
          : 500;
      throw new HttpException({ error: { code, message } }, status);
    }
  }

  // Nest has closed the server by then, and answered what it had accepted.
  async onApplicationShutdown(): Promise<void> {
    await this.#iqa.dispose({ drain: true, timeout: 25_000 });
  }
}

@Controller()
class ScoreController {
  constructor(@Inject(Scorer) private readonly scorer: Scorer) {}

  @Post('score')
  @HttpCode(200)
  async score(
    @Req() request: IncomingMessage,
    @Res({ passthrough: true }) response: ServerResponse,
  ): Promise<{ score: number }> {
    const gone = new AbortController();
    response.once('close', () => {
      gone.abort();
    });
    try {
      const { score } = await this.scorer.score(request, gone.signal);
      return { score };
    } finally {
      // The rest of a refused upload is read and dropped, so that the client gets to read the answer.
      request.resume();
    }
  }
}

@Module({ controllers: [ScoreController], providers: [Scorer] })
class AppModule {}

// No body parser: the request is the stream, which hyperiqa begins to read when it has room for it.
const app = await NestFactory.create(AppModule, { bodyParser: false, logger: ['error'] });
app.enableShutdownHooks();
await app.listen(Number(process.argv[2] ?? 8080));
console.log(await app.getUrl());
