//! Changes, put to gRPC.

use bascule_proto::admin::v1 as proto;
use proto::objects_client::ObjectsClient;
use serde_json::Value;

use super::{Answered, ByGrpc, told};
use crate::faces::ask::{Etag, How, What};
use crate::faces::shapes;
use crate::grpc::admin;

impl ByGrpc {
    pub(super) async fn change_object(&self, what: &What, how: How) -> Answered {
        let mut client = ObjectsClient::new(self.channel.clone());
        let options = Some(options_of(how));
        let answered = match what.clone() {
            What::Create { kind, name, spec } => {
                client
                    .create(admin(proto::CreateObjectRequest {
                        kind: kind.to_owned(),
                        name: name.to_owned(),
                        spec: Some(shapes::spec_of(spec)),
                        options,
                    }))
                    .await
            }
            What::Update {
                kind,
                name,
                etag,
                mut patch,
                mask,
            } => {
                let rename_to = renamed(&mut patch);
                let update_mask = mask.then(|| shapes::masked(&mut patch));
                client
                    .update(admin(proto::UpdateObjectRequest {
                        kind: kind.to_owned(),
                        name: name.to_owned(),
                        etag: self.etag(etag),
                        spec: Some(shapes::spec_of(patch)),
                        update_mask,
                        rename_to,
                        options,
                    }))
                    .await
            }
            What::Replace {
                kind,
                name,
                etag,
                mut spec,
            } => {
                let rename_to = renamed(&mut spec);
                client
                    .replace(admin(proto::ReplaceObjectRequest {
                        kind: kind.to_owned(),
                        name: name.to_owned(),
                        etag: self.etag(etag),
                        spec: Some(shapes::spec_of(spec)),
                        rename_to,
                        options,
                    }))
                    .await
            }
            What::Delete { kind, name, etag } => {
                client
                    .delete(admin(proto::DeleteObjectRequest {
                        kind: kind.to_owned(),
                        name: name.to_owned(),
                        etag: self.etag(etag),
                        options,
                    }))
                    .await
            }
            what => panic!("{what:?} changes no object"),
        };
        told(answered, |answer| shapes::object_changed(&answer))
    }

    pub(super) async fn change(&self, what: &What, how: How) -> Answered {
        let options = Some(options_of(how));
        match what.clone() {
            What::Restore { number } => {
                let asked = proto::RestoreGenerationRequest { number, options };
                told(self.generations().restore(admin(asked)).await, |one| {
                    shapes::restored(&one)
                })
            }
            What::NodeUpdate {
                name,
                etag,
                state,
                weight,
            } => self.node_update(name, etag, (state, weight), options).await,
            What::NodeVerb { name, verb } => {
                let state = match verb {
                    "drain" => "draining",
                    "resume" => "online",
                    verb => verb,
                };
                self.node_update(name, Etag::Missing, (Some(state), None), options)
                    .await
            }
            What::NodeDelete { name, etag } => {
                let asked = proto::DeleteNodeRequest {
                    name: name.to_owned(),
                    etag: self.etag(etag),
                    options,
                };
                told(self.nodes().delete(admin(asked)).await, |one| {
                    shapes::node_changed(&one)
                })
            }
            What::Deploy { file, source } => {
                let asked = proto::DeployPackageRequest {
                    file: file.to_owned(),
                    content: source.into_bytes().into(),
                    options,
                };
                told(self.packages().deploy(admin(asked)).await, |one| {
                    shapes::package_changed(&one)
                })
            }
            What::Undeploy { id } => {
                let id = self.id(id);
                let asked = proto::UndeployPackageRequest { id, options };
                told(self.packages().undeploy(admin(asked)).await, |one| {
                    shapes::package_changed(&one)
                })
            }
            what => panic!("{what:?} is no change"),
        }
    }

    async fn node_update(
        &self,
        name: &str,
        etag: Etag,
        (state, weight): (Option<&str>, Option<u32>),
        options: Option<proto::ChangeOptions>,
    ) -> Answered {
        let state = state.map_or(0, |state| {
            let name = format!("WANTED_STATE_{}", state.to_uppercase());
            // A word that is none of them is a number that is none of them.
            proto::WantedState::from_str_name(&name).map_or(99, i32::from)
        });
        let asked = proto::UpdateNodeRequest {
            name: name.to_owned(),
            etag: self.etag(etag),
            state,
            weight,
            options,
        };
        told(self.nodes().update(admin(asked)).await, |one| {
            shapes::node_changed(&one)
        })
    }
}

fn options_of(how: How) -> proto::ChangeOptions {
    proto::ChangeOptions {
        dry_run: how.is_dry_run,
        wait: how.wait_s.map(|seconds| prost_types::Duration {
            seconds: seconds.into(),
            nanos: 0,
        }),
        idempotency_key: how.key.unwrap_or_default().to_owned(),
        why: how.why.to_owned(),
    }
}

fn renamed(spec: &mut Value) -> String {
    let name = spec.as_object_mut().unwrap().remove("name");
    name.map_or_else(String::new, |name| name.as_str().unwrap().to_owned())
}
