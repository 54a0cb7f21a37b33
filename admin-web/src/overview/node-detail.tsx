// What an opened row of a node tells: the acknowledgement core by core, the process, and why it refused, if it did.

import type { Node } from '../api/types.ts';
import { Fact, Facts } from '../components/detail.tsx';
import { bytes, count, micros, share, UNKNOWN } from '../format/number.ts';
import { ago, clock, since } from '../format/time.ts';

export function NodeDetail({ node, now }: { node: Node; now: number }) {
  return (
    <div className="flex flex-col gap-3">
      {node.rejection && <Rejection rejection={node.rejection} />}
      <Facts>
        <Fact name="Node address">
          <Address text={node.address} />
        </Fact>
        <Fact name="Balancer">
          <Address text={node.balancer_address} />
        </Fact>
        <Fact name="Admin port">
          <Address text={node.admin_address} />
        </Fact>
        <Fact name="Process">{node.node_state}</Fact>
        <Fact name="Wanted">{node.state}</Fact>
        <Fact name="Weight">{count(node.weight)}</Fact>
        <Fact name="Connections">{count(node.connections)}</Fact>
        <Fact name="In flight">{count(node.in_flight)}</Fact>
        <Fact name="CPU">{share(node.cpu_share)}</Fact>
        <Fact name="Memory">{bytes(node.resident_bytes)}</Fact>
        <Fact name="Version">{node.version}</Fact>
        <Fact name="Python">{node.python || UNKNOWN}</Fact>
        <Fact name="Up">
          <span title={clock(node.started_at, now)}>{since(node.started_at, now)}</span>
        </Fact>
        <Fact name="Last seen">{ago(node.last_seen_at, now)}</Fact>
      </Facts>
      <Cores node={node} />
    </div>
  );
}

function Address({ text }: { text: string | null | undefined }) {
  return <span className="font-mono text-sm">{text ?? UNKNOWN}</span>;
}

function Cores({ node }: { node: Node }) {
  if (node.cores.length === 0) return <p className="text-muted">No core has acknowledged a generation yet.</p>;
  return (
    <table className="figures w-auto self-start border-collapse">
      <caption className="whitespace-nowrap pb-1 text-left text-muted text-xs">
        Acknowledgement of r{node.generation}, core by core
      </caption>
      <thead>
        <tr className="text-left text-muted text-sm">
          <th scope="col" className="pr-6 font-normal">
            Core
          </th>
          <th scope="col" className="pr-6 text-right font-normal">
            Prepare
          </th>
          <th scope="col" className="text-right font-normal">
            Commit
          </th>
        </tr>
      </thead>
      <tbody>
        {node.cores.map((core) => (
          <tr key={core.core}>
            <td className="pr-6">{core.core}</td>
            <td className="pr-6 text-right">{micros(core.prepare_us)}</td>
            <td className="text-right">{micros(core.commit_us)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Rejection({ rejection }: { rejection: NonNullable<Node['rejection']> }) {
  return (
    <div>
      <p className="font-medium text-bad">Rejected r{rejection.generation}</p>
      <ul>
        {rejection.refusals.map((refusal) => (
          <li key={`${refusal.object} ${refusal.field} ${refusal.core} ${refusal.reason}`} className="break-words">
            <code className="font-mono text-sm">
              {refusal.object}
              {refusal.field && ` · ${refusal.field}`}
            </code>{' '}
            {refusal.reason}
            {refusal.core >= 0 && <span className="text-muted"> (core {refusal.core})</span>}
          </li>
        ))}
      </ul>
    </div>
  );
}
