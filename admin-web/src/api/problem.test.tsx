import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import { ProblemNotice } from '../components/problem.tsx';
import { errorOf, problemOf } from './problem.ts';

afterEach(cleanup);

it('a_problem_is_shown_with_its_places_and_its_cid', async () => {
  const body = {
    type: 'https://bascule.example/problems/conflict',
    title: 'Conflict',
    status: 409,
    detail: 'the path is taken by channel <b>orders</b>',
    cid: '0198a7c2',
    errors: [{ pointer: '/path', detail: 'same pattern as /orders/{id}' }],
  };
  const error = await errorOf(Response.json(body, { status: 409 }));
  const retry = vi.fn();
  render(<ProblemNotice problem={error.problem} onRetry={retry} />);
  const text = screen.getByRole('alert').textContent;
  for (const part of ['Conflict', '409', '<b>orders</b>', '/path', 'same pattern as /orders/{id}', '0198a7c2']) {
    expect(text).toContain(part);
  }
  expect(document.querySelector('b')).toBeNull();
  fireEvent.click(screen.getByRole('button', { name: 'Try again' }));
  expect(retry).toHaveBeenCalledOnce();
});

it('an_answer_that_is_no_problem_still_becomes_one', async () => {
  const headers = { 'x-request-id': 'c9' };
  const answers = ['<html>', '[]', '{"title":1}', ''];
  for (const body of answers) {
    const { problem } = await errorOf(new Response(body, { status: 502, statusText: 'Bad Gateway', headers }));
    expect(problem).toEqual({ title: 'Bad Gateway', status: 502, cid: 'c9' });
  }
});

it('an_unreachable_server_and_a_fault_of_the_page_are_told_apart', () => {
  expect(problemOf(new TypeError('Failed to fetch')).title).toBe('The control plane cannot be reached');
  expect(problemOf(new RangeError('x')).title).toBe('Something in this page failed');
});
