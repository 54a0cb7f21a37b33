//! One story with the Python package that is compiled in: deploy, call, refuse, replace.
//!
//! Runs on whatever `python3` there is: the standard library alone must do.

use std::{path::Path, rc::Rc, time::Duration};

use dp_codec::Method;
use dp_exec::{
    Call, CallError, DataFormat, PackageFile, Reply, ServiceBinding, ServiceSet, Supervisor,
    SupervisorConfig, WorkerPool,
};

const HELLO: &str = r#"
from zato.server.service import Service

class Hello(Service):
    """ Greets. """
    name = 'hello'

    def handle(self):
        self.response.payload = {'hello': self.request.payload['name']}

class Broken(Service):
    name = 'broken'

    def handle(self):
        raise ValueError('on purpose')

class Die(Service):
    name = 'die'

    def handle(self):
        import os
        os._exit(3)
"#;

const NEXT: &str = r"
from zato.server.service import Service

class Next(Service):
    name = 'next'

    def handle(self):
        self.response.payload = {}
";

/// What each of these does to its process.
const DEADLY: [&str; 5] = [
    "import os; os._exit(0)",
    "import ctypes; ctypes.string_at(0)",
    "import builtins; builtins.len = None",
    "import os; os.closerange(3, 256)",
    "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
];

const TYPO: &str = "from zato.server.service import Service\n\nclass Hello(Servic):\n    pass\n";

#[cfg(test)]
fn package(folder: &Path, file: &str, source: &str) -> PackageFile {
    let module = file.trim_end_matches(".py").to_owned();
    let id = format!("{module}{:064}", source.len());
    let path = folder.join(format!("{id}.py"));
    std::fs::write(&path, source).unwrap();
    PackageFile {
        id,
        file: file.to_owned(),
        module,
        path,
    }
}

struct Node {
    supervisor: Supervisor,
    pool: Rc<WorkerPool>,
}

#[cfg(test)]
impl Node {
    async fn start(state: &Path) -> Self {
        let config = SupervisorConfig::new("dev-1", 1, state);
        let (supervisor, mut cores) = Supervisor::start(config).unwrap();
        let node = Self {
            supervisor,
            pool: WorkerPool::new(cores.remove(0)),
        };
        node.ready().await;
        node
    }

    async fn ready(&self) {
        let wait = async {
            while self.pool.ready() == 0 {
                monoio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_mins(1);
        assert!(
            monoio::time::timeout(limit, wait).await.is_ok(),
            "no worker gets ready"
        );
    }

    async fn deploy(&self, package: PackageFile) -> ServiceSet {
        let declared = self.supervisor.trial(package.clone()).await.unwrap();
        let bind = |name: String| ServiceBinding {
            name,
            package: package.id.clone(),
        };
        let services = declared
            .into_iter()
            .map(|service| bind(service.name))
            .collect();
        self.supervisor
            .bind(vec![package.clone()], services)
            .await
            .unwrap()
    }

    async fn call(&self, handle: u32, body: &str) -> Result<Reply, CallError> {
        let call = Call {
            handle,
            method: Method::Post,
            data_format: DataFormat::Json,
            cid: b"k1",
            channel: b"hello",
            path: b"/hello",
            remote: b"127.0.0.1:1",
            headers: b"Content-Type: application/json\r\n",
            body: body.as_bytes(),
            ..Call::default()
        };
        self.pool.call(&call, Some(Duration::from_mins(1))).await
    }
}

#[test]
fn the_real_worker_serves_refuses_and_is_replaced() {
    let state = tempfile::tempdir().unwrap();
    let story = async {
        let node = Node::start(state.path()).await;
        let set = node.deploy(package(state.path(), "hello.py", HELLO)).await;
        let mut names: Vec<&str> = set.handles.keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["broken", "die", "hello"]);

        let reply = node
            .call(set.handles["hello"], r#"{"name":"Ann"}"#)
            .await
            .unwrap();
        assert_eq!(reply.status, 200);
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body, serde_json::json!({"hello": "Ann"}));

        let reply = node.call(set.handles["broken"], "{}").await.unwrap();
        let raised = reply.raised.unwrap();
        assert_eq!((reply.status, raised.kind.as_str()), (500, "ValueError"));
        assert!(
            raised.traceback.contains("hello.py"),
            "{}",
            raised.traceback
        );

        let typo = package(state.path(), "typo.py", TYPO);
        let error = node.supervisor.trial(typo).await.unwrap_err();
        assert_eq!((error.file.as_str(), error.line), ("typo.py", 3));
        assert!(error.message.contains("Servic"), "{error}");
        assert!(error.traceback.contains("NameError"), "{}", error.traceback);

        let serving = node.supervisor.status().pids;
        for (number, source) in DEADLY.iter().enumerate() {
            let deadly = package(state.path(), &format!("deadly{number}.py"), source);
            let error = node.supervisor.trial(deadly).await.unwrap_err();
            assert_eq!(error.file, format!("deadly{number}.py"));
            let reply = node
                .call(set.handles["hello"], r#"{"name":"Cy"}"#)
                .await
                .unwrap();
            assert_eq!(reply.status, 200);
        }
        assert_eq!(node.supervisor.status().pids, serving);
        let next = node.deploy(package(state.path(), "next.py", NEXT)).await;
        let reply = node.call(next.handles["next"], "{}").await.unwrap();
        assert_eq!(reply.status, 200);
        assert_eq!(node.supervisor.status().pids, serving);

        assert_eq!(
            node.call(set.handles["die"], "{}").await.err(),
            Some(CallError::WorkerDied)
        );
        node.ready().await;
        let reply = node
            .call(set.handles["hello"], r#"{"name":"Bo"}"#)
            .await
            .unwrap();
        assert_eq!(reply.status, 200);

        node.supervisor.stop(Duration::from_mins(1)).await;
        assert!(node.supervisor.status().python.starts_with("3."));
    };
    monoio::RuntimeBuilder::<monoio::FusionDriver>::new()
        .enable_timer()
        .build()
        .unwrap()
        .block_on(story);
}
