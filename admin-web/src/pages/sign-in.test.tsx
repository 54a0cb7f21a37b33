import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, waitFor } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import type { Problem } from '../api/types.ts';
import { SignInPage } from './sign-in.tsx';

afterEach(cleanup);

function open(linkProblem: Problem | null = null) {
  const onSignedIn = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignInPage linkProblem={linkProblem} onSignedIn={onSignedIn} />
    </QueryClientProvider>,
  );
  return onSignedIn;
}

function submit(token: string) {
  fireEvent.change(screen.getByLabelText('Admin token'), { target: { value: token } });
  fireEvent.click(screen.getByRole('button', { name: 'Sign in' }));
}

it('a_right_token_signs_in_without_the_spaces_that_came_with_it', async () => {
  const bodies: unknown[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    bodies.push(await request.json());
    return new Response(null, { status: 204 });
  });
  const onSignedIn = open();
  submit('  bsc_secret\n');
  await waitFor(() => expect(onSignedIn).toHaveBeenCalledOnce());
  expect(bodies).toEqual([{ token: 'bsc_secret' }]);
});

it('a_wrong_token_is_said_to_be_wrong_and_the_form_stays', async () => {
  vi.stubGlobal('fetch', async () => Response.json({ title: 'Unauthorized', status: 401 }, { status: 401 }));
  const onSignedIn = open();
  submit('bsc_wrong');
  expect((await screen.findByRole('alert')).textContent).toContain('This token is not right');
  expect(onSignedIn).not.toHaveBeenCalled();
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Sign in' }).disabled).toBe(false);
});

it('a_link_that_did_not_work_is_explained_at_once', () => {
  open({ title: 'This sign-in link no longer works', status: 401 });
  expect(screen.getByRole('alert').textContent).toContain('no longer works');
});
