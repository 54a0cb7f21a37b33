import { beforeEach, expect, it, vi } from 'vitest';
import { takeSetupCode, tradeSetupCode } from './setup.ts';

beforeEach(() => window.history.replaceState(null, '', '/'));

it('the_code_leaves_the_address_and_the_rest_stays', () => {
  window.history.replaceState(null, '', '/?q=ping&setup=abc#main');
  expect(takeSetupCode(window.location, window.history)).toBe('abc');
  expect(window.location.pathname + window.location.search + window.location.hash).toBe('/?q=ping#main');
});

it('an_address_without_a_code_is_left_alone', () => {
  expect(takeSetupCode(window.location, window.history)).toBeNull();
});

it('a_code_is_traded_for_a_session', async () => {
  const fetch = vi.fn(async (request: Request) => {
    expect(new URL(request.url).pathname).toBe('/api/v1/session');
    expect(await request.json()).toEqual({ code: 'abc' });
    return new Response(null, { status: 204 });
  });
  vi.stubGlobal('fetch', fetch);
  expect(await tradeSetupCode('abc')).toBeNull();
  expect(fetch).toHaveBeenCalledOnce();
});

it('a_used_code_says_what_to_do_and_keeps_the_cid', async () => {
  vi.stubGlobal('fetch', async () => Response.json({ title: 'Unauthorized', status: 401, cid: 'c1' }, { status: 401 }));
  const problem = await tradeSetupCode('abc');
  expect(problem?.title).toBe('This sign-in link no longer works');
  expect(problem?.cid).toBe('c1');
});

it('an_unreachable_control_plane_is_not_blamed_on_the_link', async () => {
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('fetch failed');
  });
  expect((await tradeSetupCode('abc'))?.title).toBe('The control plane cannot be reached');
});
