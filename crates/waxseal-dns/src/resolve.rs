//! The resolver traits.

use crate::{Question, Reply};
use std::{
    future::{Future, pending},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

/// An asynchronous resolver. Implementors write `async fn resolve`; a reference, `Box` or `Arc` of a resolver is one too.
///
/// NXDOMAIN and NODATA are answers, CNAME is followed (one that leads nowhere is NODATA, see
/// [`Existence`](crate::Existence)), and the strings of a TXT record are joined with nothing between them. A lookup must
/// end: a resolver has its own time-out, even where the caller has a deadline.
///
/// A resolver that knows a timer brings it along as [`Resolve::sleep`]; then no driver waits longer than it may:
///
/// ```
/// use waxseal_dns::{Answer, LookupError, Question, Reply, Resolve};
///
/// struct Deaf;
/// impl Resolve for Deaf {
///     async fn resolve(&self, _: &Question) -> Reply {
///         Err(LookupError::Timeout)
///     }
///     async fn sleep(&self, duration: std::time::Duration) {
///         tokio::time::sleep(duration).await;
///     }
/// }
/// ```
///
/// A closure becomes a resolver by [`async_resolver_fn`]. A resolver whose futures are not `Send` (a browser's fetch, a
/// thread-per-core runtime) implements nothing: [`drive_local`](crate::drive_local) takes the lookup itself.
#[doc(alias = "async")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an asynchronous resolver",
    label = "not a `Resolve`",
    note = "implement `async fn resolve(&self, q: &Question) -> Reply`, or wrap a closure: `async_resolver_fn(|q| async move {{ … }})`",
    note = "a blocking resolver (`ResolveBlocking`) goes with `drive_blocking`, a lookup whose future is not `Send` with `drive_local`"
)]
pub trait Resolve: Send + Sync {
    /// Looks `q` up, following CNAME.
    fn resolve(&self, q: &Question) -> impl Future<Output = Reply> + Send;
    /// What a cache already holds, so that a warm check is one run. Must not block.
    fn cached(&self, _q: &Question) -> Option<Reply> {
        None
    }
    /// Is ready after `duration`: the timer of the runtime that the lookups run on. With it the drivers end a lookup that
    /// goes on for longer than a check may wait. As provided it is never ready; then the drivers look at the clock whenever
    /// a lookup wakes them, so that a check ends after the lookup under way. It is polled only while something is waited
    /// for.
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        let _ = duration;
        pending()
    }
}

/// A [`Resolve`] from a closure that returns a future. It has no cache and no timer.
///
/// ```
/// use waxseal_dns::{Answer, Question, Record, Resolve, async_resolver_fn};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let dns = async_resolver_fn(async |q: Question| match q.name.as_str() {
///     "example.org" => Ok(Answer::new([Record::Txt("v=spf1 -all".into())])),
///     _ => Ok(Answer::nxdomain()),
/// });
/// assert!(dns.resolve(&Question::txt("example.org".parse()?)).await.is_ok());
/// # Ok(()) }
/// ```
pub fn async_resolver_fn<F, L>(look_up: F) -> impl Resolve
where
    F: Fn(Question) -> L + Send + Sync,
    L: Future<Output = Reply> + Send,
{
    AsyncResolverFn(look_up)
}

struct AsyncResolverFn<F>(F);

impl<F, L> Resolve for AsyncResolverFn<F>
where
    F: Fn(Question) -> L + Send + Sync,
    L: Future<Output = Reply> + Send,
{
    fn resolve(&self, q: &Question) -> impl Future<Output = Reply> + Send {
        (self.0)(q.clone())
    }
}

/// The object-safe twin of [`Resolve`], implemented for every [`Resolve`]: `Arc<dyn DynResolve>` holds any resolver and
/// is one itself.
pub trait DynResolve: Send + Sync {
    /// [`Resolve::resolve`], boxed.
    fn resolve_boxed<'a>(&'a self, q: &'a Question) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>>;
    /// [`Resolve::cached`].
    fn cached_dyn(&self, q: &Question) -> Option<Reply>;
    /// [`Resolve::sleep`], boxed.
    fn sleep_boxed<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

impl<R: Resolve> DynResolve for R {
    fn resolve_boxed<'a>(&'a self, q: &'a Question) -> Pin<Box<dyn Future<Output = Reply> + Send + 'a>> {
        Box::pin(self.resolve(q))
    }
    fn cached_dyn(&self, q: &Question) -> Option<Reply> {
        self.cached(q)
    }
    fn sleep_boxed<'a>(&'a self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(self.sleep(duration))
    }
}

impl Resolve for dyn DynResolve + '_ {
    async fn resolve(&self, q: &Question) -> Reply {
        self.resolve_boxed(q).await
    }
    fn cached(&self, q: &Question) -> Option<Reply> {
        self.cached_dyn(q)
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.sleep_boxed(duration)
    }
}

impl<R: Resolve + ?Sized> Resolve for &R {
    fn resolve(&self, q: &Question) -> impl Future<Output = Reply> + Send {
        (**self).resolve(q)
    }
    fn cached(&self, q: &Question) -> Option<Reply> {
        (**self).cached(q)
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        (**self).sleep(duration)
    }
}

impl<R: Resolve + ?Sized> Resolve for Arc<R> {
    fn resolve(&self, q: &Question) -> impl Future<Output = Reply> + Send {
        (**self).resolve(q)
    }
    fn cached(&self, q: &Question) -> Option<Reply> {
        (**self).cached(q)
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        (**self).sleep(duration)
    }
}

impl<R: Resolve + ?Sized> Resolve for Box<R> {
    fn resolve(&self, q: &Question) -> impl Future<Output = Reply> + Send {
        (**self).resolve(q)
    }
    fn cached(&self, q: &Question) -> Option<Reply> {
        (**self).cached(q)
    }
    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        (**self).sleep(duration)
    }
}

/// A blocking resolver. Closures from a question to a reply are resolvers too ([`resolver_fn`]), and so is an [`Arc`] of a
/// resolver, also of one whose type is not known: `Arc<dyn ResolveBlocking + Send + Sync>` may stand where a resolver is
/// taken by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a blocking resolver",
    label = "not a `ResolveBlocking`",
    note = "implement `fn resolve_blocking(&self, q: &Question) -> Reply`, or wrap a closure: `resolver_fn(|q| …)`",
    note = "an asynchronous resolver (`Resolve`) goes with `drive`"
)]
pub trait ResolveBlocking {
    /// Looks `q` up, following CNAME; see [`Resolve`] for what a reply is.
    fn resolve_blocking(&self, q: &Question) -> Reply;

    /// Looks several questions up; the replies come in the order of the questions. As provided, one after the other;
    /// a resolver that can should look them up at once.
    fn resolve_all_blocking(&self, qs: &[Question]) -> Vec<Reply> {
        qs.iter().map(|q| self.resolve_blocking(q)).collect()
    }

    /// Like [`ResolveBlocking::resolve_all_blocking`], until `deadline`: the replies that are there by then. It may return
    /// fewer replies than there are questions; those without are time-outs. This is what drivers with a time limit call.
    ///
    /// As provided, one after the other, and none is begun after the deadline, so that it ends after the lookup under way.
    /// A resolver with a [`resolve_all_blocking`](ResolveBlocking::resolve_all_blocking) of its own needs one of this, too,
    /// and one that can should cut a lookup under way.
    fn resolve_all_blocking_until(&self, qs: &[Question], deadline: Instant) -> Vec<Reply> {
        let in_time = qs.iter().take_while(|_| Instant::now() < deadline);
        in_time.map(|q| self.resolve_blocking(q)).collect()
    }

    /// The replies that need no waiting, if the resolver keeps any: the drivers lend them to the check, so that one whose
    /// answers are all at hand is run once. `None` as provided.
    fn cache(&self) -> Option<&dyn Cache> {
        None
    }
}

/// The replies that a [`ResolveBlocking`] has at hand.
///
/// ```
/// use std::{collections::HashMap, sync::RwLock};
/// use waxseal_dns::{Answer, Cache, Question, Reply, ResolveBlocking};
///
/// #[derive(Default)]
/// struct Known(RwLock<HashMap<Question, Reply>>);
///
/// impl Cache for Known {
///     fn get(&self, q: &Question) -> Option<Reply> {
///         self.0.read().ok()?.get(q).cloned()
///     }
/// }
///
/// impl ResolveBlocking for Known {
///     fn resolve_blocking(&self, q: &Question) -> Reply {
///         self.get(q).unwrap_or_else(|| Ok(Answer::nodata())) // here the network would be asked
///     }
///     fn cache(&self) -> Option<&dyn Cache> {
///         Some(self)
///     }
/// }
/// # assert!(Known::default().cache().is_some());
/// ```
pub trait Cache: Sync {
    /// The reply to `q`, if it is at hand. Must not block.
    fn get(&self, q: &Question) -> Option<Reply>;
}

/// A closure as a [`ResolveBlocking`]: it returns what it was given, and the compiler learns the type of `q`.
///
/// ```
/// use waxseal_dns::{Answer, Question, ResolveBlocking, resolver_fn};
/// # fn main() -> Result<(), waxseal_dns::InvalidDomainName> {
/// let empty = resolver_fn(|_| Ok(Answer::nxdomain()));
/// let question = Question::txt("example.org".parse()?);
/// assert_eq!(empty.resolve_blocking(&question), Ok(Answer::nxdomain()));
/// # Ok(()) }
/// ```
pub fn resolver_fn<F: Fn(&Question) -> Reply>(look_up: F) -> F {
    look_up
}

impl<F: Fn(&Question) -> Reply> ResolveBlocking for F {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self(q)
    }
}

impl<R: ResolveBlocking + ?Sized> ResolveBlocking for Arc<R> {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        (**self).resolve_blocking(q)
    }
    fn resolve_all_blocking(&self, qs: &[Question]) -> Vec<Reply> {
        (**self).resolve_all_blocking(qs)
    }
    fn resolve_all_blocking_until(&self, qs: &[Question], deadline: Instant) -> Vec<Reply> {
        (**self).resolve_all_blocking_until(qs, deadline)
    }
    fn cache(&self) -> Option<&dyn Cache> {
        (**self).cache()
    }
}
