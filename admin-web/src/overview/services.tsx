// The services: where each came from and how it does, live. Order and filter live in the URL.

import { clsx } from 'clsx';
import type { Service } from '../api/types.ts';
import { CommandLine } from '../components/copy.tsx';
import { Empty, Panel, PanelError } from '../components/panel.tsx';
import { type Column, DataTable, type Sort } from '../components/table.tsx';
import { micros, rate, UNKNOWN } from '../format/number.ts';
import { ago } from '../format/time.ts';

interface Props {
  services: Service[] | undefined;
  error: unknown;
  onRetry: () => void;
  now: number;
  isStale: boolean;
  sort: Sort;
  onSort: (sort: Sort) => void;
  filter: string;
  onFilter: (filter: string) => void;
}

/** More rows than a person reads and than a browser lays out at once; the filter finds the rest. */
const ROWS_MAX = 200;

export function Services(props: Props) {
  const { services, error, onRetry, sort, onSort, filter, onFilter } = props;
  const columns = columnsOf(props.now);
  const found = services && sorted(filtered(services, filter), columns, sort);
  const shown = found?.slice(0, ROWS_MAX);
  return (
    <Panel
      title="Services"
      note={services ? noteOf(services.length, found?.length ?? 0, shown?.length ?? 0) : undefined}
      actions={
        <input
          type="search"
          value={filter}
          onChange={(event) => onFilter(event.target.value)}
          placeholder="Filter by name, file, channel"
          aria-label="Filter services"
          className="h-7 w-56 max-w-full rounded-md border border-line-strong bg-ground px-2 text-sm placeholder:text-muted"
        />
      }
    >
      {error && !services ? (
        <PanelError error={error} onRetry={onRetry} />
      ) : (
        <div className={clsx(props.isStale && 'text-muted')}>
          <DataTable
            caption="Services"
            columns={columns}
            rows={shown}
            keyOf={(service) => service.name}
            sort={sort}
            onSort={onSort}
            empty={
              services?.length === 0 ? (
                <Empty action={<CommandLine command="bascule service deploy hello.py" />}>
                  No services yet. Save a .py file in the watched folder, or deploy one:
                </Empty>
              ) : (
                <Empty>No service matches “{filter}”.</Empty>
              )
            }
          />
        </div>
      )}
    </Panel>
  );
}

function columnsOf(now: number): Column<Service>[] {
  return [
    {
      id: 'name',
      title: 'Name',
      order: by((service) => service.name),
      cell: (service) => <NameCell service={service} />,
    },
    {
      id: 'file',
      title: 'File',
      from: 'md',
      order: by((service) => service.file ?? ''),
      cell: (service) => <FileCell service={service} />,
    },
    {
      id: 'version',
      title: 'Version',
      from: 'lg',
      cell: (service) => (
        <span className="figures whitespace-nowrap" title={service.package_id ?? undefined}>
          {versionOf(service)}
          {!service.built_in && service.deployed_at && (
            <span className="text-muted"> · {ago(service.deployed_at, now)}</span>
          )}
        </span>
      ),
    },
    {
      id: 'channels',
      title: 'Channels',
      from: 'lg',
      cell: (service) =>
        service.channels.length > 0 ? (
          <span className="break-words">{service.channels.join(', ')}</span>
        ) : (
          <span className="text-muted">none</span>
        ),
    },
    {
      id: 'rate',
      title: 'req/s',
      numeric: true,
      order: by((service) => service.stats.requests_per_second),
      cell: (service) => rate(service.stats.requests_per_second),
    },
    {
      id: 'p50',
      title: 'p50',
      numeric: true,
      from: 'md',
      order: by((service) => service.stats.p50_us ?? -1),
      cell: (service) => micros(service.stats.p50_us),
      className: 'whitespace-nowrap',
    },
    {
      id: 'p99',
      title: 'p99',
      numeric: true,
      order: by((service) => service.stats.p99_us ?? -1),
      cell: (service) => micros(service.stats.p99_us),
      className: 'whitespace-nowrap',
    },
    {
      id: 'errors',
      title: 'errors/s',
      numeric: true,
      from: 'sm',
      order: by((service) => service.stats.errors_per_second),
      cell: ({ stats }) => (
        <span className={clsx(stats.errors_per_second > 0 && 'font-medium text-bad')}>
          {rate(stats.errors_per_second)}
        </span>
      ),
    },
  ];
}

function NameCell({ service }: { service: Service }) {
  return (
    <>
      <span className="break-all font-medium" title={service.documentation || undefined}>
        {service.name}
      </span>
      <span className="block break-words text-muted text-sm md:hidden">
        {service.built_in ? 'built in' : `${service.file} · ${versionOf(service)}`}
        {service.channels.length > 0 && ` · ${service.channels.join(', ')}`}
      </span>
      {service.stats.errors_per_second > 0 && (
        <span className="figures block text-bad text-sm sm:hidden">
          {rate(service.stats.errors_per_second)} errors/s
        </span>
      )}
    </>
  );
}

function FileCell({ service }: { service: Service }) {
  if (service.built_in) return <span className="text-muted">built in</span>;
  return (
    <span className="break-all font-mono text-sm">
      {service.file ?? UNKNOWN}
      {typeof service.line === 'number' && <span className="text-muted">:{service.line}</span>}
    </span>
  );
}

function versionOf({ version, built_in }: Service): string {
  return built_in || !version ? UNKNOWN : `v${version}`;
}

function by(key: (service: Service) => string | number): (a: Service, b: Service) => number {
  return (a, b) => {
    const [left, right] = [key(a), key(b)];
    if (typeof left === 'number' && typeof right === 'number') return left - right;
    return String(left).localeCompare(String(right), 'en');
  };
}

export function filtered(services: Service[], filter: string): Service[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return services;
  return services.filter((service) => {
    const text = [service.name, service.file, ...service.channels].join(' ').toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function sorted(services: Service[], columns: Column<Service>[], sort: Sort): Service[] {
  const order = columns.find((column) => column.id === sort.column)?.order;
  if (!order) return services;
  const sign = sort.descending ? -1 : 1;
  // Equal rows stay in the order of their names, or the table would dance with every tick.
  return [...services].sort((a, b) => sign * order(a, b) || a.name.localeCompare(b.name, 'en'));
}

function noteOf(all: number, found: number, shown: number): string {
  if (shown < found) return `first ${shown} of ${found}; filter to see the others`;
  return found < all ? `${found} of ${all}` : String(all);
}
