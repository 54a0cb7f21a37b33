import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { cleanup, fireEvent, render, screen, within } from '@testing-library/react';
import { afterEach, expect, it, vi } from 'vitest';
import type { Applied, Node, Service } from '../api/types.ts';
import { alertOf } from './alert.ts';
import { appliedText } from './node-change.tsx';
import { Nodes } from './nodes.tsx';
import { parseOverviewSearch } from './search.ts';
import { Services } from './services.tsx';
import { slices } from './traffic.tsx';

afterEach(cleanup);

const NOW = Date.parse('2026-11-22T14:00:00Z');
const MARKUP = '<img src=x onerror="alert(1)">&amp;';

function node(name: string, fields: Partial<Node> = {}): Node {
  return {
    name,
    state: 'online',
    connection: 'connected',
    status: 'in_sync',
    generation: 7,
    ack_us: 3120,
    cores: [{ core: 0, prepare_us: 410, commit_us: 18 }],
    rejection: null,
    address: '127.0.0.1:17011',
    balancer_address: null,
    admin_address: null,
    version: '0.1.0',
    python: '3.11.2',
    weight: 100,
    workers: { ready: 2, total: 2 },
    node_state: 'ready',
    connections: 3,
    in_flight: 0,
    requests_per_second: 12.5,
    cpu_share: 0.1,
    resident_bytes: 1024,
    started_at: '2026-11-22T13:00:00Z',
    last_seen_at: '2026-11-22T13:59:52Z',
    etag: '"1"',
    ...fields,
  };
}

function service(name: string, rps: number, fields: Partial<Service> = {}): Service {
  return {
    name,
    file: 'hello.py',
    package_id: 'abc',
    version: 3,
    class_name: 'Hello',
    line: 4,
    documentation: '',
    input: [],
    output: [],
    deployed_at: null,
    channels: [],
    built_in: false,
    stats: { requests_per_second: rps, errors_per_second: 0, p50_us: 10, p95_us: 20, p99_us: 30 },
    ...fields,
  };
}

function showNodes(nodes: Node[] | undefined, opened?: string) {
  const onOpen = vi.fn();
  render(
    <QueryClientProvider client={new QueryClient()}>
      <Nodes nodes={nodes} error={null} onRetry={vi.fn()} now={NOW} isStale={false} opened={opened} onOpen={onOpen} />
    </QueryClientProvider>,
  );
  return onOpen;
}

function showServices(services: Service[], props: Partial<Parameters<typeof Services>[0]> = {}) {
  const onSort = vi.fn();
  const sort = { column: 'rate', descending: true };
  render(
    <Services
      {...{ services, sort, onSort, error: null, now: NOW, isStale: false, filter: '' }}
      onRetry={vi.fn()}
      onFilter={vi.fn()}
      {...props}
    />,
  );
  return onSort;
}

const rowNames = () =>
  screen
    .getAllByRole('row')
    .slice(1)
    .map((row) => within(row).getAllByRole('cell')[0]?.querySelector('span')?.textContent);

it('a_node_is_told_with_generation_acknowledgement_and_workers', () => {
  showNodes([node('dev-1')]);
  const text = screen.getAllByRole('row')[1]?.textContent;
  for (const part of ['dev-1', 'in sync', 'online', 'r7', '3.12 ms', '2/2', '12.5', '127.0.0.1:17011', '8 s ago']) {
    expect(text).toContain(part);
  }
});

it('a_name_with_markup_is_text', () => {
  showNodes([node(MARKUP)], MARKUP);
  expect(screen.getByText(MARKUP)).toBeTruthy();
  cleanup();
  showServices([service(MARKUP, 1, { channels: [MARKUP], documentation: MARKUP, file: MARKUP })]);
  expect(screen.getAllByText(MARKUP, { exact: false }).length).toBeGreaterThan(1);
  expect(document.querySelector('img')).toBeNull();
});

it('a_row_opens_by_its_name', () => {
  const onOpen = showNodes([node('dev-1')]);
  fireEvent.click(screen.getByRole('button', { name: /dev-1/, expanded: false }));
  expect(onOpen).toHaveBeenCalledWith('dev-1');
});

it('an_open_row_tells_each_core_and_why_the_node_refused', () => {
  const refusals = [{ object: 'channel a', field: 'path', reason: 'taken', core: 1 }];
  showNodes([node('dev-1', { status: 'rejected', rejection: { generation: 8, refusals } })], 'dev-1');
  expect(screen.getByText('Rejected r8')).toBeTruthy();
  expect(screen.getByText('taken', { exact: false })).toBeTruthy();
  expect(screen.getByText('410 µs')).toBeTruthy();
});

it('loading_is_never_taken_for_nothing', () => {
  showNodes(undefined);
  expect(screen.getByRole('table').getAttribute('aria-busy')).toBe('true');
  expect(screen.queryByText(/No nodes yet/)).toBeNull();
  cleanup();
  showNodes([]);
  expect(screen.getByText(/No nodes yet/)).toBeTruthy();
});

it('services_are_ordered_as_the_address_says_and_ask_for_another_order', () => {
  const onSort = showServices([service('slow', 1), service('b', 9), service('a', 9)]);
  expect(rowNames()).toEqual(['a', 'b', 'slow']);
  expect(screen.getByRole('columnheader', { name: /req\/s/ }).getAttribute('aria-sort')).toBe('descending');
  fireEvent.click(screen.getByRole('button', { name: 'Name' }));
  expect(onSort).toHaveBeenCalledWith({ column: 'name', descending: false });
});

it('the_filter_finds_by_name_file_and_channel', () => {
  const services = [service('a', 1, { channels: ['orders'] }), service('b', 2, { file: 'other.py' })];
  showServices(services, { filter: 'ORD hello' });
  expect(rowNames()).toEqual(['a']);
  cleanup();
  showServices(services, { filter: 'nothing' });
  expect(screen.getByText(/No service matches/)).toBeTruthy();
});

it('many_services_are_cut_and_the_page_says_so', () => {
  showServices(Array.from({ length: 1000 }, (_, index) => service(`s${index}`, index)));
  expect(rowNames()).toHaveLength(200);
  expect(screen.getByText(/first 200 of 1000/)).toBeTruthy();
});

it('the_alert_is_the_most_severe_thing_alone', () => {
  const refusals = [{ object: 'channel a', field: 'path', reason: 'taken', core: -1 }];
  const rejected = node('dev-2', { status: 'rejected', generation: 6, rejection: { generation: 7, refusals } });
  const away = node('dev-3', { status: 'away', connection: 'away' });
  expect(alertOf([node('dev-1')], NOW)).toBeNull();
  expect(alertOf([node('dev-1'), away], NOW)).toMatchObject({ severity: 'warn', title: 'dev-3 is away' });
  expect(alertOf([away, { ...away, name: 'dev-4' }], NOW)).toMatchObject({
    severity: 'bad',
    title: 'No node is connected',
  });
  expect(alertOf([away, rejected], NOW)).toMatchObject({
    severity: 'bad',
    title: 'dev-2 rejected r7 and keeps serving r6',
    detail: 'channel a · path: taken',
  });
});

it('the_result_of_a_change_names_who_is_missing', () => {
  const member = (name: string, state: Applied['nodes'][number]['state']) => ({
    node: name,
    state,
    ack_us: null,
    refusals: [],
  });
  const both = [member('a', 'applied'), member('b', 'applied')];
  expect(appliedText({ generation: 7, complete: true, took_ms: 12, nodes: both })).toBe(
    'r7 applied on 2/2 nodes in 12 ms',
  );
  const mixed = [member('a', 'applied'), member('b', 'pending'), member('c', 'rejected'), member('d', 'away')];
  expect(appliedText({ generation: 8, complete: false, took_ms: 5000, nodes: mixed })).toBe(
    'r8 applied on 1/4 nodes in 5 s; c rejected it, b has not answered yet, d is away',
  );
});

it('whatever_stands_in_the_address_the_page_opens', () => {
  expect(parseOverviewSearch({ node: 7, q: '', generation: 'x', order: 'up', view: {}, setup: 'c' })).toEqual({
    node: '7',
    cid: undefined,
    generation: undefined,
    q: undefined,
    sort: undefined,
    order: undefined,
    view: undefined,
  });
});

it('the_table_of_the_chart_has_slices_of_ten_seconds_newest_first', () => {
  const series = Array.from({ length: 15 }, (_, second) => ({
    at: new Date(NOW + second * 1000).toISOString(),
    requests: 10,
    errors: second === 12 ? 5 : 0,
    p50_us: 1,
    p99_us: second,
  }));
  expect(slices(series)).toEqual([
    { at: new Date(NOW + 10_000).toISOString(), requests: 10, errors: 1, p99_us: 14 },
    { at: new Date(NOW).toISOString(), requests: 10, errors: 0, p99_us: 9 },
  ]);
});
