// Turns whatever a failed call answered into one error that a person can act on.
//
// Invariant: an `ApiError` always has a problem with a title, also when the answer was no problem+json, no JSON at all,
// or never came.

import type { Problem } from './types.ts';

/** Status of a call that got no answer; no HTTP status can be 0. */
export const UNREACHABLE = 0;

export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ? `${problem.title}: ${problem.detail}` : problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }

  get status(): number {
    return this.problem.status;
  }
}

export async function errorOf(response: Response): Promise<ApiError> {
  const cid = response.headers.get('x-request-id') ?? undefined;
  const fallback: Problem = {
    title: response.statusText || `The control plane answered ${response.status}`,
    status: response.status,
    ...(cid ? { cid } : {}),
  };
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    return new ApiError(fallback);
  }
  if (!isRecord(body) || typeof body.title !== 'string') return new ApiError(fallback);
  return new ApiError({ ...fallback, ...pick(body), title: body.title });
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof TypeError) {
    return {
      title: 'The control plane cannot be reached',
      status: UNREACHABLE,
      detail: 'Nodes keep serving what they have. This page tries again by itself.',
    };
  }
  return { title: 'Something in this page failed', status: UNREACHABLE, detail: String(error) };
}

function pick(body: Record<string, unknown>): Partial<Problem> {
  const problem: Partial<Problem> = {};
  for (const key of ['type', 'detail', 'instance', 'cid'] as const) {
    const value = body[key];
    if (typeof value === 'string') problem[key] = value;
  }
  if (typeof body.status === 'number') problem.status = body.status;
  if (Array.isArray(body.errors)) {
    problem.errors = body.errors
      .filter(isRecord)
      .map(({ pointer, detail }) => ({ pointer: String(pointer ?? ''), detail: String(detail ?? '') }));
  }
  return problem;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
