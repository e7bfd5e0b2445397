//! A DNS server that does what a test wants, on UDP and TCP, and the resolvers under test.
#![allow(dead_code, reason = "every test file uses its part")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the helpers of tests are tests")]

use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{Name, RData, Record as WireRecord, rdata},
};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
    time::Duration,
};
use waxseal_dns::{Question, Reply, ResolveBlocking};
use waxseal_resolver::Stub;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Udp,
    Tcp,
}

/// What a query was, for the handler.
pub(crate) struct Asked {
    pub(crate) query: Message,
    pub(crate) transport: Transport,
    pub(crate) from: SocketAddr,
}

/// What the server sends: datagrams over UDP, framed over TCP, or raw octets over either.
pub(crate) enum Out {
    Message(Message),
    Raw(Vec<u8>),
    Pause(Duration),
    /// Ends the TCP connection.
    Close,
}

type Handler = dyn Fn(&Asked) -> Vec<Out> + Send + Sync;

/// A server on a free port of 127.0.0.1, stopped on drop.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(handler: impl Fn(&Asked) -> Vec<Out> + Send + Sync + 'static) -> Self {
        let (udp, tcp) = (0..100)
            .find_map(|_| {
                let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
                let tcp = TcpListener::bind(udp.local_addr().unwrap()).ok()?;
                Some((udp, tcp))
            })
            .unwrap();
        let address = udp.local_addr().unwrap();
        udp.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        tcp.set_nonblocking(true).unwrap();
        let stop = Arc::<AtomicBool>::default();
        let handler: Arc<Handler> = Arc::new(handler);
        let (stop_udp, stop_tcp, handler_tcp) = (stop.clone(), stop.clone(), handler.clone());
        let threads = vec![
            thread::spawn(move || serve_udp(&udp, &stop_udp, &handler)),
            thread::spawn(move || serve_tcp(&tcp, &stop_tcp, &handler_tcp)),
        ];
        Self { address, stop, threads }
    }

    /// A stub with short limits.
    pub(crate) fn stub(&self) -> Stub {
        stub([self.address])
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
        self.threads.drain(..).for_each(|thread| thread.join().unwrap());
    }
}

fn serve_udp(socket: &UdpSocket, stop: &AtomicBool, handler: &Arc<Handler>) {
    let mut buffer = [0; 4096];
    while !stop.load(Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        let query = Message::from_vec(&buffer[..len]).unwrap();
        let (handler, socket) = (handler.clone(), socket.try_clone().unwrap());
        thread::spawn(move || {
            for out in handler(&Asked { query, transport: Transport::Udp, from }) {
                match out {
                    Out::Message(message) => drop(socket.send_to(&message.to_vec().unwrap(), from)),
                    Out::Raw(octets) => drop(socket.send_to(&octets, from)),
                    Out::Pause(time) => thread::sleep(time),
                    Out::Close => {}
                }
            }
        });
    }
}

fn serve_tcp(listener: &TcpListener, stop: &AtomicBool, handler: &Arc<Handler>) {
    while !stop.load(Relaxed) {
        let Ok((stream, from)) = listener.accept() else {
            thread::sleep(Duration::from_millis(5));
            continue;
        };
        let handler = handler.clone();
        thread::spawn(move || serve_stream(stream, from, &handler));
    }
}

fn serve_stream(mut stream: TcpStream, from: SocketAddr, handler: &Arc<Handler>) -> Option<()> {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    loop {
        let mut len = [0; 2];
        stream.read_exact(&mut len).ok()?;
        let mut query = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut query).ok()?;
        let query = Message::from_vec(&query).unwrap();
        for out in handler(&Asked { query, transport: Transport::Tcp, from }) {
            match out {
                Out::Message(message) => {
                    let octets = message.to_vec().unwrap();
                    let len = u16::try_from(octets.len()).unwrap().to_be_bytes();
                    stream.write_all(&[&len[..], &octets].concat()).ok()?;
                }
                Out::Raw(octets) => stream.write_all(&octets).ok()?,
                Out::Pause(time) => thread::sleep(time),
                Out::Close => return None,
            }
        }
    }
}

/// An empty response to the query: recursion available, the question repeated.
pub(crate) fn response(query: &Message) -> Message {
    let mut message = query.clone();
    message.metadata.message_type = MessageType::Response;
    message.metadata.recursion_available = true;
    message.metadata.authentic_data = false;
    message.edns = None;
    message
}

pub(crate) fn coded(query: &Message, code: ResponseCode) -> Vec<Out> {
    let mut message = response(query);
    message.metadata.response_code = code;
    vec![Out::Message(message)]
}

/// A response with TXT records for the name asked about.
pub(crate) fn texts(query: &Message, texts: &[&[u8]]) -> Message {
    let mut message = response(query);
    let owner = message.queries[0].name.clone();
    for text in texts {
        let strings = text.chunks(255).collect();
        message.add_answer(WireRecord::from_rdata(
            owner.clone(),
            300,
            RData::TXT(rdata::TXT::from_bytes(strings)),
        ));
    }
    message
}

pub(crate) fn txt(query: &Message, text: &str) -> Vec<Out> {
    vec![Out::Message(texts(query, &[text.as_bytes()]))]
}

pub(crate) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

pub(crate) fn cname(owner: &str, target: &str, ttl: u32) -> WireRecord {
    WireRecord::from_rdata(name(owner), ttl, RData::CNAME(rdata::CNAME(name(target))))
}

pub(crate) fn soa(owner: &str, ttl: u32, minimum: u32) -> WireRecord {
    let soa = rdata::SOA::new(name("ns.example."), name("root.example."), 1, 2, 3, 4, minimum);
    WireRecord::from_rdata(name(owner), ttl, RData::SOA(soa))
}

pub(crate) fn question(text: &str) -> Question {
    Question::txt(text.parse().unwrap())
}

pub(crate) fn stub(servers: impl IntoIterator<Item = SocketAddr>) -> Stub {
    Stub::new(servers)
        .unwrap()
        .with_timeout(Duration::from_millis(400))
        .with_attempts(2)
        .with_lookup_timeout(Duration::from_secs(4))
}

#[cfg(feature = "hickory")]
pub(crate) fn hickory(servers: impl IntoIterator<Item = SocketAddr>) -> waxseal_resolver::Hickory {
    waxseal_resolver::Hickory::new(servers)
        .and_then(|dns| dns.with_timeout(Duration::from_millis(400)))
        .and_then(|dns| dns.with_attempts(2))
        .unwrap()
        .with_lookup_timeout(Duration::from_secs(4))
}

#[cfg(feature = "hickory")]
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// The replies of all resolvers, which must be the same.
pub(crate) fn ask(servers: &[SocketAddr], q: &Question) -> Reply {
    let reply = stub(servers.iter().copied()).resolve_blocking(q);
    #[cfg(feature = "hickory")]
    {
        let other = block_on(waxseal_dns::Resolve::resolve(&hickory(servers.iter().copied()), q));
        assert_eq!(reply, other, "the stub (left) and hickory (right) differ on {q}");
    }
    reply
}
