//! Our DNS client against a server of our own on loopback.

use std::net::{Ipv4Addr, Ipv6Addr};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use super::*;
use crate::egress::resolve::DnsClient;

const PUBLIC: Ipv4Addr = Ipv4Addr::new(93, 184, 215, 14);

fn records(name: &Name, kind: RecordType) -> Option<Vec<Record>> {
    let record = |name: &Name, data| Record::from_rdata(name.clone(), 0, data);
    match (name.to_ascii().as_str(), kind) {
        ("both.test.", RecordType::A) => Some(vec![record(name, RData::A(A(PUBLIC)))]),
        ("both.test.", RecordType::AAAA) => {
            Some(vec![record(name, RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)))])
        }
        ("alias.test.", RecordType::A) => {
            let target = Name::from_ascii("target.test.").unwrap();
            let alias = record(name, RData::CNAME(CNAME(target.clone())));
            Some(vec![alias, record(&target, RData::A(A(PUBLIC)))])
        }
        ("alias.test.", _) => Some(vec![]),
        _ => None,
    }
}

async fn server() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            let mut reply = Message::response(query.id, query.op_code);
            let question = query.queries[0].clone();
            match records(question.name(), question.query_type()) {
                Some(records) => reply.add_answers(records),
                None => {
                    reply.metadata.response_code = ResponseCode::NXDomain;
                    reply.add_answers([])
                }
            };
            reply.add_query(question);
            socket.send_to(&reply.to_vec().unwrap(), peer).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn both_families_aliases_and_missing_names_are_told() {
    let client = DnsClient::new(&[server().await]).unwrap();
    let both = client.resolve("both.test").await.unwrap();
    assert_eq!(both.addresses, [IpAddr::V4(PUBLIC), IpAddr::V6(Ipv6Addr::LOCALHOST)]);
    let alias = client.resolve("alias.test").await.unwrap();
    assert_eq!((alias.addresses, alias.aliases), (vec![IpAddr::V4(PUBLIC)], 1));
    assert_eq!(client.resolve("missing.test").await, Err(LookupError::NoSuchName));
}

#[tokio::test]
async fn the_hosts_file_is_never_read() {
    let client = DnsClient::new(&[server().await]).unwrap();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let names = hosts
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| line.split_whitespace().skip(1))
        .filter(|name| !name.starts_with("localhost"));
    for name in names {
        assert_eq!(client.resolve(name).await, Err(LookupError::NoSuchName), "{name}");
    }
}
