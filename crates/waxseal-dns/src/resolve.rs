//! The resolver traits.

use crate::{Question, Reply};
use std::{
    future::{Future, pending},
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

/// An asynchronous resolver. Implement it with `async fn resolve`; a reference, `Box` or `Arc` of a resolver is one,
/// too.
///
/// NXDOMAIN and NODATA are answers, CNAME is followed (one that leads nowhere is NODATA, see
/// [`Existence`](crate::Existence)), and the strings of a TXT record are joined without separators. A lookup must end:
/// a resolver needs its own time-out, even if the caller has a deadline.
///
/// A resolver with a timer offers it as [`Resolve::sleep`]; then no driver waits longer than its limit:
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
/// [`async_resolver_fn`] makes a resolver from a closure. For lookups whose futures are not `Send` (a browser's fetch,
/// a thread-per-core runtime), pass a closure to [`drive_local`](crate::drive_local) instead.
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
    /// The reply to `q` if it is cached, so that a check with a warm cache takes one run. Must not block.
    fn cached(&self, _q: &Question) -> Option<Reply> {
        None
    }
    /// Completes after `duration`, by the timer of the runtime that runs the lookups. With it, drivers end a lookup
    /// that takes longer than the check may wait. The default never completes; then drivers read the clock whenever a
    /// lookup wakes them, so that a check ends after the lookup under way. It is polled only during a wait.
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

/// The object-safe version of [`Resolve`], implemented for every [`Resolve`]: `Arc<dyn DynResolve>` holds any resolver
/// and is one itself.
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

/// A blocking resolver. Closures from a question to a reply are resolvers, too ([`resolver_fn`]), and so is an [`Arc`]
/// of a resolver, even of an unknown type: an `Arc<dyn ResolveBlocking + Send + Sync>` can be passed where a resolver
/// is taken by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a blocking resolver",
    label = "not a `ResolveBlocking`",
    note = "implement `fn resolve_blocking(&self, q: &Question) -> Reply`, or wrap a closure: `resolver_fn(|q| …)`",
    note = "an asynchronous resolver (`Resolve`) goes with `drive`"
)]
pub trait ResolveBlocking {
    /// Looks `q` up, following CNAME; see [`Resolve`] for the rules of replies.
    fn resolve_blocking(&self, q: &Question) -> Reply;

    /// Looks up several questions and returns the replies in the order of the questions; with a deadline, those that
    /// arrived by then. It may return fewer replies than questions; the rest are time-outs. Drivers call this.
    ///
    /// By default, lookups are made one after the other, and none is begun after the deadline, so that this ends after
    /// the lookup under way. If possible, a resolver should look them up at once, and abort a running lookup.
    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        let in_time = qs.iter().take_while(|_| deadline.is_none_or(|deadline| Instant::now() < deadline));
        in_time.map(|q| self.resolve_blocking(q)).collect()
    }

    /// The cache of the resolver, if it has one: drivers lend it to the check, so that a check whose answers are all
    /// cached takes one run. `None` by default.
    fn cache(&self) -> Option<&dyn Cache> {
        None
    }
}

/// The cached replies of a [`ResolveBlocking`].
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
    /// The reply to `q`, if it is cached. Must not block.
    fn get(&self, q: &Question) -> Option<Reply>;
}

/// A closure as a [`ResolveBlocking`]. It returns the closure unchanged; its use is that the compiler infers the type
/// of `q`.
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
    fn resolve_all_blocking(&self, qs: &[Question], deadline: Option<Instant>) -> Vec<Reply> {
        (**self).resolve_all_blocking(qs, deadline)
    }
    fn cache(&self) -> Option<&dyn Cache> {
        (**self).cache()
    }
}
