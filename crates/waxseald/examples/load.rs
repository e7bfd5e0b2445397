//! A mail server's side of the milter protocol for `tests/postfix/speed.py`, which Python is too slow for with several connections:
//! `load ADDRESS CONNECTIONS MESSAGES CLIENT NAME <MESSAGE` prints messages a second. ADDRESS is a path, or host:port; CLIENT and
//! NAME are the address and the name of the client. It honours what the filter wants to be spared, as Postfix does.

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    thread,
    time::Instant,
};

type Result<T = (), E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

const MESSAGES_A_CONNECTION: usize = 20;
/// A command, the step that leaves it out, and the step that leaves out its reply.
const STEPS: [(u8, u32, u32); 8] = [
    (b'C', 0x1, 0x1000),
    (b'H', 0x2, 0x2000),
    (b'M', 0x4, 0x4000),
    (b'R', 0x8, 0x8000),
    (b'T', 0x200, 0x1_0000),
    (b'L', 0x20, 0x80),
    (b'N', 0x40, 0x4_0000),
    (b'B', 0x10, 0x8_0000),
];

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

struct Connection {
    stream: Box<dyn Stream>,
    held: Vec<u8>,
    steps: u32,
}

/// Commands and their data.
type Commands = Vec<(u8, Vec<u8>)>;

impl Connection {
    fn open(address: &str) -> Result<Self> {
        let stream: Box<dyn Stream> = match address.starts_with('/') {
            true => Box::new(UnixStream::connect(address)?),
            false => Box::new(TcpStream::connect(address)?),
        };
        let mut connection = Self { stream, held: Vec::new(), steps: 0 };
        let offer: Vec<u8> = [6_u32, 0x1FF, 0x1F_FFFF].into_iter().flat_map(u32::to_be_bytes).collect();
        connection.hold(b'O', &offer)?;
        let agreed = connection.reply()?;
        let steps = agreed.get(9..13).ok_or("no negotiation")?;
        connection.steps = u32::from_be_bytes(steps.try_into()?);
        Ok(connection)
    }

    fn hold(&mut self, command: u8, data: &[u8]) -> Result {
        self.held.extend(u32::try_from(data.len() + 1)?.to_be_bytes());
        self.held.push(command);
        self.held.extend_from_slice(data);
        Ok(())
    }

    /// Sends what is held, and reads a packet.
    fn reply(&mut self) -> Result<Vec<u8>> {
        self.stream.write_all(&self.held)?;
        self.held.clear();
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut packet = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        self.stream.read_exact(&mut packet)?;
        Ok(packet)
    }

    /// Says all, and waits where the filter replies.
    fn say(&mut self, commands: &Commands) -> Result {
        for (command, data) in commands {
            let step = STEPS.iter().find(|(known, ..)| known == command);
            if step.is_some_and(|(_, skipped, _)| self.steps & skipped != 0) {
                continue;
            }
            self.hold(*command, data)?;
            if *command == b'D' || step.is_some_and(|(.., quiet)| self.steps & quiet != 0) {
                continue;
            }
            loop {
                match self.reply()?.first() {
                    Some(b'c' | b'a' | b's') => break,
                    // Changes of the message, and progress.
                    Some(b'h' | b'i' | b'm' | b'p' | b'q' | b'+' | b'-' | b'b' | b'e') => {}
                    other => return Err(format!("unexpected reply {other:?}").into()),
                }
            }
        }
        Ok(())
    }
}

/// A message as commands: its fields, its body, its end.
fn commands(message: &[u8]) -> Result<Commands> {
    let end = message.windows(4).position(|bytes| bytes == b"\r\n\r\n").ok_or("no header")?;
    let (header, body) = message.split_at(end);
    let header = String::from_utf8(header.to_vec())?.replace("\r\n ", "\n ").replace("\r\n\t", "\n\t");
    let mut commands = vec![
        (b'D', b"Mi\0LOAD\0".to_vec()),
        (b'M', b"<bob@alpha.example>\0".to_vec()),
        (b'R', b"<alice@beta.example>\0".to_vec()),
        (b'T', Vec::new()),
    ];
    for field in header.split("\r\n") {
        let (name, value) = field.split_once(':').ok_or("no field")?;
        commands.push((b'L', format!("{name}\0{value}\0").into_bytes()));
    }
    commands.push((b'N', Vec::new()));
    let chunks = body.get(4..).unwrap_or_default().chunks(65_535);
    commands.extend(chunks.map(|chunk| (b'B', chunk.to_vec())));
    commands.push((b'E', Vec::new()));
    Ok(commands)
}

fn serve(address: &str, begin: &Commands, message: &Commands, count: usize) -> Result {
    let mut left = count;
    while left > 0 {
        let mut connection = Connection::open(address)?;
        connection.say(begin)?;
        for _ in 0..left.min(MESSAGES_A_CONNECTION) {
            connection.say(message)?;
            left -= 1;
        }
        connection.hold(b'Q', b"")?;
        connection.stream.write_all(&connection.held)?;
    }
    Ok(())
}

fn main() -> Result {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, connections, messages, client, name] = &args[..] else {
        return Err("five arguments".into());
    };
    let (connections, count): (usize, usize) = (connections.parse()?, messages.parse()?);
    let mut message = Vec::new();
    io::stdin().read_to_end(&mut message)?;
    let message = commands(&message)?;
    let begin = vec![
        (b'D', b"Cj\0mx.example\0{daemon_name}\0mx\0".to_vec()),
        (b'C', format!("{name}\x004\x00\x19{client}\0").into_bytes()),
        (b'H', b"c.alpha.example\0".to_vec()),
    ];
    let start = Instant::now();
    thread::scope(|scope| {
        let each = || serve(address, &begin, &message, count / connections);
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(each)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a connection panicked")?)
    })?;
    println!("{:.0}", (count / connections * connections) as f64 / start.elapsed().as_secs_f64());
    Ok(())
}
