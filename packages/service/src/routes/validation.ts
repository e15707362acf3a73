/** Validation by JSON Schema, draft 2020-12, which is that of OpenAPI 3.1. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { FastifySchemaCompiler } from 'fastify';

/** Parameters are texts in a URL, so that they are read as what their schema names; unknown ones are refused. */
export function compiler(): FastifySchemaCompiler<object> {
  const ajv = new Ajv2020({ coerceTypes: true, useDefaults: true, removeAdditional: false, strict: false });
  // Bodies are read by the routes, when there is room for them.
  return ({ schema, httpPart }) => (httpPart === 'body' ? () => true : ajv.compile(schema));
}

/** A check of parsed JSON as it is. */
export const bodyCheck = (schema: object): ValidateFunction => new Ajv2020({ strict: false }).compile(schema);

/** Describes the faults in words: `/crops must match pattern …`. */
export function wordsOf({ errors }: ValidateFunction): string {
  return (errors ?? [])
    .map(({ instancePath, message = 'is wrong', params }) => {
      const { additionalProperty, allowedValues } = params as { additionalProperty?: string; allowedValues?: string[] };
      const name = instancePath.slice(1);
      if (additionalProperty !== undefined)
        return `there is no ${name === '' ? 'parameter' : `${name}.`} ${additionalProperty}`;
      return `${name === '' ? 'the body' : name} ${message}${allowedValues ? `: ${allowedValues.join(', ')}` : ''}`;
    })
    .join('; ');
}
