//! What a layer does with a request as it begins, and with the head of its response.

use http::{HeaderMap, Request, Response};
use lameduck_core::plumbing::Kept;

use super::{client::Client, config::Config, head::RequestHead};
use crate::{
    RequestContext, TraceContext,
    context::{Bounds, follow_outer},
    request_id::InsertId,
    time::from_now,
};

/// Begins a request that [need not be read](Config::looks_into).
#[inline]
pub(super) fn begin(config: &Kept<Config>, client: Client) -> RequestContext {
    let context = RequestContext::begin(config, None, client);
    report_id(config, &context);
    context
}

/// Begins a request, after reading its head and changing it where the options ask for that.
pub(super) fn begin_prepared<B>(config: &Kept<Config>, request: &mut Request<B>) -> RequestContext {
    let ids = config.options.request_id.as_ref();
    let inbound = ids.and_then(|ids| ids.take_inbound(request.headers_mut()));
    let mut context = RequestContext::begin(config, inbound, Client::of(request));
    if config.reads_head {
        read_head(config, &mut context, &RequestHead::of(request));
    }
    if let Some(outer) = RequestContext::current() {
        follow_outer(&mut context, outer, request.headers());
    }
    report_id(config, &context);
    if config.options.extension {
        request.extensions_mut().insert(context.clone());
    }
    if let Some(insert) = config.insert_id {
        insert_id(&context, insert, request);
    }
    context
}

#[inline]
fn report_id(config: &Config, context: &RequestContext) {
    if let Some(on_request_id) = &config.on_request_id {
        if let Some(id) = context.request_id_header() {
            on_request_id(id);
        }
    }
}

/// Puts the id where other libraries look for it: into the extensions and headers of the request.
fn insert_id<B>(context: &RequestContext, insert: InsertId, request: &mut Request<B>) {
    let ids = context.config().options.request_id.as_ref();
    let Some((id, ids)) = context.request_id_header().zip(ids) else { return };
    insert(id, request.extensions_mut());
    // A head that already has as many headers as the map allows stays without it.
    let _ = request.headers_mut().try_insert(&ids.header, id.clone());
}

/// Writes the id into a response.
#[inline]
pub(super) fn write_id<B>(context: &mut RequestContext, response: &mut Response<B>) {
    let headers = response.headers_mut();
    match context.state_mut() {
        Some(state) => state.move_id(headers),
        None => context.state().write_id(headers),
    }
}

/// Reads what the head decides: the limit, the caller's deadline, the trace.
#[inline(never)]
fn read_head(config: &Config, context: &mut RequestContext, head: &RequestHead<'_>) {
    let Some(state) = context.state_mut() else { return };
    let limit = match &config.timeout_by {
        Some(timeout_by) => timeout_by(head),
        None => config.options.timeouts.handler,
    };
    let bounds = bounds_by_caller(config, head.headers(), limit);
    state.set_bounds(bounds);
    if let (Some(at), true) = (bounds.caller_at, bounds.limit != limit) {
        state.set_deadline(at);
    }
    let Some(options) = config.options.trace else { return };
    let trace = TraceContext::read(head.headers());
    if !trace.is_empty() {
        state.set_trace(if options.own_spans { trace.with_own_span() } else { trace });
    }
}

/// The bounds with the caller's deadline, where that is the earlier one.
fn bounds_by_caller(
    config: &Config,
    headers: &HeaderMap,
    limit: Option<std::time::Duration>,
) -> Bounds {
    let own = Bounds { limit, ..Bounds::default() };
    let counts = &config.counts;
    let Some(inbound) = &config.options.inbound_deadline else { return own };
    let Some(left) = inbound.read(headers, counts) else { return own };
    let is_shorter = own.limit.is_none_or(|limit| left < limit);
    if left.is_zero() {
        counts.note_deadline_expired();
    } else if is_shorter {
        counts.note_deadline_shortened();
    }
    if inbound.count_only {
        return own;
    }
    // From now on: the caller's clock runs even if the handler has not begun to wait.
    let caller_at = Some(from_now(left));
    let limit = if is_shorter { Some(left) } else { own.limit };
    Bounds { limit, caller_at, is_expired: left.is_zero() }
}
